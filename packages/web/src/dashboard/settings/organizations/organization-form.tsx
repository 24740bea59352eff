import type { CreatedOrganization } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../../ui/button.tsx';
import { ErrorNote } from '../../../ui/error-note.tsx';
import { Field } from '../../../ui/field.tsx';
import { useClient } from '../../shell/use-client.ts';

interface Props {
  onMade: (organization: CreatedOrganization) => void;
  onCancel: () => void;
}

/** Makes an organization with its first key and owner. */
export function OrganizationForm({ onMade, onCancel }: Props): ReactNode {
  const { organizations } = useClient();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const creation = useMutation({
    mutationFn: () => organizations.create({ name: name.trim(), ownerEmail: email.trim() }),
    onSuccess: onMade,
  });
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    creation.mutate();
  };
  return (
    <form
      onSubmit={submit}
      aria-label="New organization"
      className="flex flex-col gap-4 rounded-lg border border-line bg-panel p-4"
    >
      <Field label="Name" required maxLength={100} autoComplete="off" value={name} onText={setName} />
      <Field
        label="E-mail of its owner"
        type="email"
        required
        autoComplete="off"
        value={email}
        onText={setEmail}
      />
      <ErrorNote error={creation.error} />
      <div className="flex gap-2">
        <Button type="submit" look="main" disabled={creation.isPending}>
          {creation.isPending ? 'Creating…' : 'Create'}
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}
