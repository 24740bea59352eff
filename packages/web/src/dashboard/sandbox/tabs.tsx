import type { KeyboardEvent, ReactNode } from 'react';

interface TabsProps<T extends string> {
  tabs: readonly { id: T; label: string }[];
  current: T;
  onChange: (id: T) => void;
}

/** Steps by the arrow keys, as tabs are expected to. */
const STEPS: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 };

/** A row of tabs; every tab has a {@link TabPanel} with the same id. */
export function Tabs<T extends string>({ tabs, current, onChange }: TabsProps<T>): ReactNode {
  const move = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    const index = tabs.findIndex(({ id }) => id === current);
    const next = tabs[(index + step + tabs.length) % tabs.length];
    if (!next) return;
    onChange(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };

  return (
    <div
      role="tablist"
      onKeyDown={move}
      className="flex shrink-0 gap-1 overflow-x-auto border-b border-line px-2 pt-2"
    >
      {tabs.map(({ id, label }) => (
        <button
          key={id}
          id={`tab-${id}`}
          type="button"
          role="tab"
          aria-selected={id === current}
          aria-controls={`panel-${id}`}
          tabIndex={id === current ? 0 : -1}
          onClick={() => onChange(id)}
          className="-mb-px rounded-t-md border-b-2 border-transparent px-3 py-1.5 text-sm text-soft -outline-offset-2 hover:text-ink aria-selected:border-accent aria-selected:text-ink"
        >
          {label}
        </button>
      ))}
    </div>
  );
}

/** What belongs to one tab. Stays mounted while another is open, so that nothing typed or shown is lost. */
export function TabPanel({
  id,
  current,
  children,
}: {
  id: string;
  current: string;
  children: ReactNode;
}): ReactNode {
  return (
    <div
      id={`panel-${id}`}
      role="tabpanel"
      aria-labelledby={`tab-${id}`}
      hidden={id !== current}
      className="min-h-0 flex-1 not-[[hidden]]:flex flex-col"
    >
      {children}
    </div>
  );
}
