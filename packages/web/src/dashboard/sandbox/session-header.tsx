import type { Sandbox, SandboxSession } from '@banata-boxes/sdk';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { useNow } from '../../ui/use-now.ts';
import { formatDuration } from '../format.ts';
import { EndButton } from './end-button.tsx';
import { FeatureTags } from './feature-tags.tsx';
import { isOver } from './session-facts.ts';
import { StatusBadge } from './status-badge.tsx';

const RENEWAL_MS = 60 * 60 * 1000;

/** Name, state and deadline of a sandbox, with renewing and ending it. */
export function SessionHeader({
  sandbox,
  session,
}: {
  sandbox: Sandbox;
  session: SandboxSession;
}): ReactNode {
  const now = useNow(1_000);
  const queries = useQueryClient();
  const refresh = (): Promise<void> => queries.invalidateQueries({ queryKey: ['session', session.id] });
  const renewal = useMutation({ mutationFn: () => sandbox.setTimeout(RENEWAL_MS), onSettled: refresh });
  const end = useMutation({ mutationFn: () => sandbox.kill(), onSettled: refresh });
  const over = isOver(session);

  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <a href="#/" className="w-fit rounded-sm text-sm text-soft hover:text-ink">
          ← Sandboxes
        </a>
        <h1 className="min-w-0 truncate font-mono text-sm font-semibold" title={session.id}>
          {session.id}
        </h1>
        <StatusBadge status={session.status} />
        <FeatureTags session={session} />
        <span className="mr-auto text-sm text-soft tabular-nums">
          {formatDuration((session.endedAt ?? now) - session.createdAt)} old
          {!over && ` · expires in ${formatDuration(session.expiresAt - now)}`}
        </span>
        {!over && (
          <span className="flex gap-2">
            <Button onClick={() => renewal.mutate()} disabled={renewal.isPending}>
              Expire in 1 h
            </Button>
            <EndButton pending={end.isPending || session.status === 'ending'} onEnd={() => end.mutate()} />
          </span>
        )}
      </div>
      {over && (
        <p
          role="status"
          className="rounded-md border border-line bg-raised px-3 py-2 text-sm wrap-anywhere text-soft"
        >
          <span className="font-medium text-ink">
            {session.status === 'failed' ? 'This sandbox failed.' : 'This sandbox has ended.'}
          </span>{' '}
          Its artifacts can still be downloaded.
          {session.endReason && <span className="block">Reason: {session.endReason}</span>}
        </p>
      )}
      <ErrorNote error={renewal.error ?? end.error} />
    </div>
  );
}
