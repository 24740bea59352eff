import type { ReactNode } from 'react';
import icon from '../../ui/icon.svg';

export function Brand(): ReactNode {
  return (
    <span className="flex items-center gap-2 font-semibold">
      <img src={icon} alt="" className="size-6" />
      Banata
    </span>
  );
}
