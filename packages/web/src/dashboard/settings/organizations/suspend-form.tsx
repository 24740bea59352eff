import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../../ui/button.tsx';
import { Field } from '../../../ui/field.tsx';

interface Props {
  pending: boolean;
  onSuspend: (reason: string) => void;
  onCancel: () => void;
}

/** Asks for the reason, which everybody of the organization sees. */
export function SuspendForm({ pending, onSuspend, onCancel }: Props): ReactNode {
  const [reason, setReason] = useState('');
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    onSuspend(reason.trim());
  };
  return (
    <form onSubmit={submit} aria-label="Suspend" className="flex flex-wrap items-end gap-2">
      <div className="w-full sm:w-96">
        <Field
          label="Reason, which its people and programs see"
          maxLength={500}
          autoComplete="off"
          value={reason}
          onText={setReason}
        />
      </div>
      <Button type="submit" look="danger" disabled={pending}>
        {pending ? 'Suspending…' : 'Suspend, end its sandboxes'}
      </Button>
      <Button onClick={onCancel}>Cancel</Button>
    </form>
  );
}
