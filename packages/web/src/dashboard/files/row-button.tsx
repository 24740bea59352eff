import type { ReactNode } from 'react';

interface Props {
  /** What it does, to which row. */
  label: string;
  title?: string | undefined;
  disabled: boolean;
  onClick: () => void;
  children: ReactNode;
}

/** A small button in a row of a list. */
export function RowButton({ label, title, disabled, onClick, children }: Props): ReactNode {
  return (
    <button
      type="button"
      aria-label={label}
      title={title}
      disabled={disabled}
      onClick={onClick}
      className="shrink-0 rounded-md border border-line bg-raised px-2 py-1 text-xs hover:border-soft/50 disabled:opacity-50"
    >
      {children}
    </button>
  );
}
