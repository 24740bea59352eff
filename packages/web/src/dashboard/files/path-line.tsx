import type { ReactNode } from 'react';
import { pathSteps } from './path-steps.ts';

interface Props {
  path: string;
  onOpen: (path: string) => void;
  onRefresh: () => void;
}

/** Where one is, each folder on the way as a link. */
export function PathLine({ path, onOpen, onRefresh }: Props): ReactNode {
  return (
    <nav
      aria-label="Folder"
      className="flex shrink-0 flex-wrap items-center border-b border-line px-3 py-2 font-mono text-sm"
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
      <button
        type="button"
        onClick={onRefresh}
        className="ml-auto rounded-sm px-1 font-sans text-soft hover:text-ink"
      >
        Refresh
      </button>
    </nav>
  );
}
