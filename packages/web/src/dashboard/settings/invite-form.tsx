import type { InvitedUser, Role } from '@banata/protocol';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { CardForm } from '../../ui/card-form.tsx';
import { Field } from '../../ui/field.tsx';
import { RadioGroup } from '../../ui/radio-group.tsx';
import { useServer } from '../shell/server-context.ts';

const ROLES: Record<Role, string> = {
  viewer: 'Viewer: sees sandboxes',
  member: 'Member: makes, uses and ends sandboxes too',
  owner: 'Owner: everything',
};

interface Props {
  onInvited: (user: InvitedUser) => void;
  onCancel: () => void;
}

/** Makes an account with an invitation. */
export function InviteForm({ onInvited, onCancel }: Props): ReactNode {
  const { api } = useServer();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('member');
  const invitation = useMutation({
    mutationFn: () => api.createUser({ email: email.trim(), role }),
    onSuccess: onInvited,
  });

  return (
    <CardForm
      label="Invite somebody"
      words={['Invite', 'Inviting…']}
      sending={invitation}
      onSend={() => invitation.mutate()}
      onCancel={onCancel}
    >
      <Field label="E-mail" type="email" required autoComplete="off" value={email} onText={setEmail} />
      <RadioGroup legend="Role" options={ROLES} value={role} onChange={setRole} />
    </CardForm>
  );
}
