import type { ReactNode } from 'react';
import { pathSteps } from './path-steps.ts';

/** Where one is, each folder on the way as a link. */
export function PathLine({ path, onOpen }: { path: string; onOpen: (path: string) => void }): ReactNode {
  return (
    <nav
      aria-label="Folder"
      className="flex shrink-0 flex-wrap border-b border-line px-3 py-2 font-mono text-sm"
    >
      {pathSteps(path).map((step, index, steps) => (
        <span key={step.path}>
          {index > 1 && <span className="text-soft">/</span>}
          <button
            type="button"
            onClick={() => onOpen(step.path)}
            aria-current={index === steps.length - 1 ? 'page' : undefined}
            className="rounded-sm px-0.5 text-soft hover:text-ink aria-[current]:text-ink"
          >
            {step.name}
          </button>
        </span>
      ))}
    </nav>
  );
}
