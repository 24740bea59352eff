import type { InvitedUser, User } from '@banata/protocol';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { useServer } from '../shell/server-context.ts';
import { ShownTime } from '../shown-time.tsx';

interface Props {
  user: User;
  onInvited: (user: InvitedUser) => void;
  onRemoved: () => void;
}

/** One person: role, last sign-in, a new link, removal. */
export function PersonRow({ user, onInvited, onRemoved }: Props): ReactNode {
  const { api, identity } = useServer();
  const invitation = useMutation({ mutationFn: () => api.inviteUser(user.id), onSuccess: onInvited });
  const removal = useMutation({ mutationFn: () => api.removeUser(user.id), onSuccess: onRemoved });
  const isSelf = identity.user?.id === user.id;

  return (
    <li className="flex flex-col gap-2 px-4 py-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <span className="mr-auto min-w-0 wrap-anywhere">
          <span className="font-medium">{user.email}</span>{' '}
          <span className="text-sm text-soft">
            {user.name && `${user.name} · `}
            {user.role}
            {isSelf && ' · you'}
          </span>
        </span>
        <ConfirmButton
          look="plain"
          label="New link"
          question="Make a new link to set the password? Earlier links stop working."
          yes="New link; earlier ones end"
          pending={invitation.isPending}
          pendingLabel="Making…"
          onConfirm={() => invitation.mutate()}
        />
        {!isSelf && (
          <ConfirmButton
            label="Remove"
            question="Remove this person and end all sessions?"
            yes="Remove, end all sessions"
            pending={removal.isPending}
            pendingLabel="Removing…"
            onConfirm={() => removal.mutate()}
          />
        )}
      </div>
      <p className="text-sm text-soft">
        {user.lastSignInAt === null ? (
          user.hasPassword ? (
            'Has not signed in yet'
          ) : (
            'Has not set a password yet'
          )
        ) : (
          <>
            Signed in <ShownTime at={user.lastSignInAt} />
          </>
        )}
      </p>
      <ErrorNote error={invitation.error ?? removal.error} />
    </li>
  );
}
