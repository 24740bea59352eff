import type { ApiKey, NewApiKey } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { useNow } from '../../ui/use-now.ts';
import { useClient } from '../shell/use-client.ts';
import { ShownTime } from '../shown-time.tsx';
import { keyState } from './key-state.ts';

/** How long the old key goes on working after a rotation made here, ms. */
const OVERLAP_MS = 3_600_000;
const NOW_STEP_MS = 10_000;

interface Props {
  apiKey: ApiKey;
  onRotated: (key: NewApiKey) => void;
  onRevoked: () => void;
}

/** One key: what it may do, when it was used, and what can be done with it. */
export function KeyRow({ apiKey, onRotated, onRevoked }: Props): ReactNode {
  const client = useClient();
  const state = keyState(apiKey, useNow(NOW_STEP_MS));
  const rotation = useMutation({
    mutationFn: () => client.apiKeys.rotate(apiKey.id, { overlapMs: OVERLAP_MS }),
    onSuccess: onRotated,
  });
  const revocation = useMutation({
    mutationFn: () => client.apiKeys.revoke(apiKey.id),
    onSuccess: onRevoked,
  });

  return (
    <li className="flex flex-col gap-2 px-4 py-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <span className="mr-auto min-w-0 truncate">
          <span className="font-medium">{apiKey.name}</span>{' '}
          <code className="font-mono text-sm text-soft">{apiKey.prefix}…</code>{' '}
          {state !== 'active' && <span className="text-sm text-wait">{state}</span>}
        </span>
        {state === 'active' && (
          <ConfirmButton
            look="plain"
            label="Rotate"
            question="Make a new key in place of this one?"
            yes="New key; this one ends in 1 h"
            pending={rotation.isPending}
            pendingLabel="Rotating…"
            onConfirm={() => rotation.mutate()}
          />
        )}
        {(state === 'active' || state === 'ending') && (
          <ConfirmButton
            label="Revoke"
            question="Revoke this key for good?"
            yes="Revoke for good"
            pending={revocation.isPending}
            pendingLabel="Revoking…"
            onConfirm={() => revocation.mutate()}
          />
        )}
      </div>
      <p className="text-sm wrap-anywhere text-soft">
        {apiKey.scopes === null ? 'Full access' : apiKey.scopes.join(', ')} ·{' '}
        {apiKey.lastUsedAt === null ? (
          'never used'
        ) : (
          <>
            used <ShownTime at={apiKey.lastUsedAt} />
          </>
        )}
        {apiKey.expiresAt !== null && state !== 'revoked' && (
          <>
            {' '}
            · {state === 'expired' ? 'expired' : 'expires'} <ShownTime at={apiKey.expiresAt} />
          </>
        )}
      </p>
      <ErrorNote error={rotation.error ?? revocation.error} />
    </li>
  );
}
