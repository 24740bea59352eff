import { useEffect, useState, type ReactNode } from 'react';

const SHOWN_MS = 2_000;

/** The standalone viewer: opened, or its link copied. Whoever has the link sees the browser until it expires. */
export function ViewerLinks({ viewerUrl }: { viewerUrl: string }): ReactNode {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (): void => {
    navigator.clipboard.writeText(viewerUrl).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  const words = { true: 'Copied', false: 'Not allowed', null: 'Copy link' }[String(copied)];
  const look = 'rounded-md px-2 py-1 text-sm whitespace-nowrap text-soft hover:bg-raised hover:text-ink';

  return (
    <span className="flex shrink-0 gap-1 max-sm:hidden">
      {/* The clipboard exists on HTTPS and localhost only. */}
      {'clipboard' in navigator && (
        <button
          type="button"
          onClick={copy}
          title="Whoever has the link sees this browser until it expires"
          className={look}
        >
          <span aria-live="polite">{words}</span>
        </button>
      )}
      <a href={viewerUrl} target="_blank" rel="noreferrer" className={look}>
        Open
      </a>
    </span>
  );
}
