import { BanataError } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';

/** What went wrong and what to do about it. */
export function ErrorNote({ error }: { error: unknown }): ReactNode {
  if (!error) return null;
  const message = error instanceof Error ? error.message : 'Something went wrong';
  const suggestion = error instanceof BanataError ? error.suggestion : '';
  return (
    <div role="alert" className="rounded-md border border-bad/40 bg-bad/10 px-3 py-2 text-sm wrap-anywhere">
      <p className="font-medium text-bad">{message}</p>
      {suggestion && <p className="mt-0.5 text-ink/90">{suggestion}</p>}
    </div>
  );
}
