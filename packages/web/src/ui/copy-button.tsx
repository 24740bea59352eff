import { useEffect, useState, type ReactNode } from 'react';

const SHOWN_MS = 2_000;

interface Props {
  text: string;
  label?: string;
  title?: string;
  className?: string;
}

/** Copies a text. Shows nothing where there is no clipboard: it exists on HTTPS and localhost only. */
export function CopyButton({ text, label = 'Copy', title, className = '' }: Props): ReactNode {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  if (!('clipboard' in navigator)) return null;
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <button type="button" onClick={copy} title={title} className={className}>
      <span aria-live="polite">{copied === null ? label : copied ? 'Copied' : 'Not allowed'}</span>
    </button>
  );
}
