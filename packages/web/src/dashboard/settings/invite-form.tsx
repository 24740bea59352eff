import type { InvitedUser, Role } from '@banata/protocol';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { Field } from '../../ui/field.tsx';
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
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    invitation.mutate();
  };

  return (
    <form
      onSubmit={submit}
      aria-label="Invite somebody"
      className="flex flex-col gap-4 rounded-lg border border-line bg-panel p-4"
    >
      <Field label="E-mail" type="email" required autoComplete="off" value={email} onText={setEmail} />
      <fieldset className="flex flex-col gap-2 text-sm">
        <legend className="mb-2 font-medium">Role</legend>
        {(Object.keys(ROLES) as Role[]).map((name) => (
          <label key={name} className="flex w-fit items-center gap-2">
            <input
              type="radio"
              name="role"
              checked={role === name}
              onChange={() => setRole(name)}
              className="size-4 accent-accent"
            />
            {ROLES[name]}
          </label>
        ))}
      </fieldset>
      <ErrorNote error={invitation.error} />
      <div className="flex gap-2">
        <Button type="submit" look="main" disabled={invitation.isPending}>
          {invitation.isPending ? 'Inviting…' : 'Invite'}
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}
