import type { InputHTMLAttributes, ReactNode } from 'react';
import { INPUT_CLASS } from './input-class.ts';

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  onText: (text: string) => void;
}

/** A line of text with its label. */
export function Field({ label, onText, className = '', ...input }: Props): ReactNode {
  return (
    <label className="flex flex-col gap-1.5 text-sm font-medium">
      {label}
      <input
        {...input}
        onChange={(event) => onText(event.target.value)}
        className={`${INPUT_CLASS} font-normal ${className}`}
      />
    </label>
  );
}
