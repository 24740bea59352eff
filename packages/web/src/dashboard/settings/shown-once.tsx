import type { ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';

interface Props {
  /** What it is and what to do with it. */
  title: string;
  secret: string;
  onDone: () => void;
}

/** A secret that the server tells once. */
export function ShownOnce({ title, secret, onDone }: Props): ReactNode {
  return (
    <div role="status" className="flex flex-col gap-3 rounded-lg border border-good/40 bg-good/5 p-4">
      <p className="text-sm font-medium">{title} It is shown this once.</p>
      <code className="rounded-md border border-line bg-ground px-3 py-2 font-mono text-sm wrap-anywhere whitespace-pre-wrap select-all">
        {secret}
      </code>
      <div className="flex items-center gap-2">
        <CopyButton
          text={secret}
          className="min-h-9 rounded-md border border-line bg-raised px-3 py-1.5 text-sm font-medium"
        />
        <Button onClick={onDone}>I have kept it</Button>
      </div>
    </div>
  );
}
