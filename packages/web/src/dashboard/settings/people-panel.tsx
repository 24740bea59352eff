import type { InvitedUser } from '@banata/protocol';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { useServer } from '../shell/server-context.ts';
import { InviteForm } from './invite-form.tsx';
import { Panel } from './panel.tsx';
import { PersonRow } from './person-row.tsx';
import { ShownOnce } from './shown-once.tsx';

const QUERY = ['users'];

/** The people of the organization. */
export function PeoplePanel(): ReactNode {
  const { api } = useServer();
  const queries = useQueryClient();
  const [inviting, setInviting] = useState(false);
  const [fresh, setFresh] = useState<InvitedUser | null>(null);
  const people = useQuery({ queryKey: QUERY, queryFn: ({ signal }) => api.users(signal) });
  const changed = (): void => void queries.invalidateQueries({ queryKey: QUERY });
  const invited = (user: InvitedUser): void => {
    setInviting(false);
    setFresh(user);
    changed();
  };

  return (
    <Panel
      title="People"
      action={
        !inviting && (
          <Button look="main" onClick={() => setInviting(true)}>
            Invite
          </Button>
        )
      }
      errors={[people.error]}
      pending={people.isPending}
      empty={people.data?.data.length === 0 ? 'Nobody has an account.' : undefined}
      top={
        <>
          {fresh && (
            <ShownOnce
              title={`The invitation of ${fresh.user.email}: hand the link over, no mail is sent.`}
              secret={fresh.invitation.url}
              onDone={() => setFresh(null)}
            />
          )}
          {inviting && <InviteForm onInvited={invited} onCancel={() => setInviting(false)} />}
        </>
      }
    >
      {people.data?.data.map((user) => (
        <PersonRow key={user.id} user={user} onInvited={invited} onRemoved={changed} />
      ))}
    </Panel>
  );
}
