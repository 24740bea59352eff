import { useState, type ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';

/** Ends a sandbox, after asking. */
export function EndButton({ pending, onEnd }: { pending: boolean; onEnd: () => void }): ReactNode {
  const [asking, setAsking] = useState(false);
  if (pending) {
    return (
      <Button look="danger" disabled>
        Ending…
      </Button>
    );
  }
  if (!asking) {
    return (
      <Button look="danger" onClick={() => setAsking(true)}>
        End
      </Button>
    );
  }
  const confirm = (): void => {
    setAsking(false);
    onEnd();
  };
  return (
    <span role="group" aria-label="End this sandbox and lose its files?" className="flex gap-2">
      <Button look="danger" autoFocus onClick={confirm}>
        End, lose its files
      </Button>
      <Button onClick={() => setAsking(false)}>Keep</Button>
    </span>
  );
}
