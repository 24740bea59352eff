import type { ButtonHTMLAttributes, ReactNode } from 'react';

type Look = 'main' | 'plain' | 'danger';

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
}

const LOOKS: Record<Look, string> = {
  main: 'bg-accent text-ground hover:bg-accent/85',
  plain: 'border border-line bg-raised text-ink hover:border-soft/50',
  danger: 'border border-bad/40 bg-bad/10 text-bad hover:bg-bad/20',
};

/** A button in one of three looks. */
export function Button({ look = 'plain', className = '', type = 'button', ...rest }: Props): ReactNode {
  return (
    <button
      type={type}
      className={`inline-flex min-h-9 items-center justify-center gap-2 rounded-md px-3 py-1.5 text-sm font-medium whitespace-nowrap transition-colors disabled:opacity-50 ${LOOKS[look]} ${className}`}
      {...rest}
    />
  );
}
