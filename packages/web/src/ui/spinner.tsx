import type { ReactNode } from 'react';

/** Something is on its way. The words beside it say what. */
export function Spinner({ className = 'size-8' }: { className?: string }): ReactNode {
  return (
    <svg aria-hidden="true" viewBox="0 0 32 32" className={`${className} motion-safe:animate-spin`}>
      <circle cx="16" cy="16" r="13" fill="none" strokeWidth="3" className="stroke-line" />
      <path
        d="M16 3a13 13 0 0 1 13 13"
        fill="none"
        strokeWidth="3"
        strokeLinecap="round"
        className="stroke-accent"
      />
    </svg>
  );
}
