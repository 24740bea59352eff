import { useId, type ReactNode } from 'react';

interface Props {
  label: string;
  hint: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}

/** A box to tick, with what it means. */
export function Choice({ label, hint, checked, disabled = false, onChange }: Props): ReactNode {
  const hintId = useId();
  return (
    <label
      className={`flex gap-3 rounded-md border border-line bg-ground p-3 has-checked:border-accent/60 has-focus-visible:outline-2 has-focus-visible:outline-accent ${disabled ? 'opacity-50' : 'cursor-pointer'}`}
    >
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
        aria-label={label}
        aria-describedby={hintId}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <span className="flex flex-col gap-0.5">
        <span className="text-sm font-medium">{label}</span>
        <span id={hintId} className="text-sm text-soft">
          {hint}
        </span>
      </span>
    </label>
  );
}
