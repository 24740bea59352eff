import type { CreatedOrganization } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { CardForm } from '../../../ui/card-form.tsx';
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

  return (
    <CardForm
      label="New organization"
      words={['Create', 'Creating…']}
      sending={creation}
      onSend={() => creation.mutate()}
      onCancel={onCancel}
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
    </CardForm>
  );
}
