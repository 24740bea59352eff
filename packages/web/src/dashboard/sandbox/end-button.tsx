import type { ReactNode } from 'react';
import { ConfirmButton } from '../../ui/confirm-button.tsx';

/** Ends a sandbox, after asking. */
export function EndButton({ pending, onEnd }: { pending: boolean; onEnd: () => void }): ReactNode {
  return (
    <ConfirmButton
      label="End"
      question="End this sandbox and lose its files?"
      yes="End, lose its files"
      no="Keep"
      pending={pending}
      pendingLabel="Ending…"
      onConfirm={onEnd}
    />
  );
}
