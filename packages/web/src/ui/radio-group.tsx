import { useId, type ReactNode } from 'react';

interface Props<T extends string> {
  legend: string;
  /** What can be chosen, with its words. */
  options: Readonly<Record<T, string>>;
  value: T;
  onChange: (value: T) => void;
}

/** One of a few, all of them shown. */
export function RadioGroup<T extends string>({ legend, options, value, onChange }: Props<T>): ReactNode {
  const name = useId();
  return (
    <fieldset className="flex flex-col gap-2 text-sm">
      <legend className="mb-2 font-medium">{legend}</legend>
      {(Object.keys(options) as T[]).map((option) => (
        <label key={option} className="flex w-fit items-center gap-2">
          <input
            type="radio"
            name={name}
            checked={value === option}
            onChange={() => onChange(option)}
            className="size-4 accent-accent"
          />
          {options[option]}
        </label>
      ))}
    </fieldset>
  );
}
