import type { ReactNode } from 'react';

/** A moment in the person's own time. @param at Epoch ms. */
export function ShownTime({ at }: { at: number }): ReactNode {
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()}>
      {date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })}
    </time>
  );
}
