import type { ReactNode } from 'react';
import type { Fullscreen } from './use-fullscreen.ts';

const ENTER = 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5';
const LEAVE = 'M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5';

/** Full screen on and off; absent where the browser cannot do it. */
export function FullscreenButton({ fullscreen }: { fullscreen: Fullscreen }): ReactNode {
  if (!fullscreen.supported) return null;
  const label = fullscreen.active ? 'Leave full screen' : 'Full screen';
  return (
    <button
      type="button"
      onClick={fullscreen.toggle}
      title={label}
      aria-label={label}
      className="grid size-8 shrink-0 place-items-center rounded-md text-soft transition-colors hover:bg-raised hover:text-ink"
    >
      <svg aria-hidden="true" viewBox="0 0 24 24" className="size-4.5 fill-none stroke-current stroke-2">
        <path d={fullscreen.active ? LEAVE : ENTER} strokeLinecap="round" strokeLinejoin="round" />
      </svg>
    </button>
  );
}
