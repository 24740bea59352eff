import type { ReactNode } from 'react';
import { CopyButton } from '../../ui/copy-button.tsx';

const LOOK = 'rounded-md px-2 py-1 text-sm whitespace-nowrap text-soft hover:bg-raised hover:text-ink';

/** The standalone viewer: opened, or its link copied. Whoever has the link sees the browser until it expires. */
export function ViewerLinks({ viewerUrl }: { viewerUrl: string }): ReactNode {
  return (
    <span className="flex shrink-0 gap-1 max-sm:hidden">
      <CopyButton
        text={viewerUrl}
        label="Copy link"
        title="Whoever has the link sees this browser until it expires"
        className={LOOK}
      />
      <a href={viewerUrl} target="_blank" rel="noreferrer" className={LOOK}>
        Open
      </a>
    </span>
  );
}
