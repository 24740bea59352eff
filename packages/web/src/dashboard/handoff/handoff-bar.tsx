import type { Handoff, Sandbox } from '@banata-boxes/sdk';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { HandoffNote } from '../../remote/handoff-note.tsx';
import { NoteInput } from '../../remote/note-input.tsx';
import { useRenewal } from '../../remote/use-renewal.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { formatDuration } from '../format.ts';
import { may } from '../shell/may.ts';
import { useServer } from '../shell/server-context.ts';
import { useNow } from '../../ui/use-now.ts';
import { handoffKey } from './use-open-handoff.ts';

interface Props {
  sandbox: Sandbox;
  handoff: Handoff;
  /** For somebody without an account; null where it is not known on this page. */
  viewerUrl: string | null;
}

type Act = 'accept' | 'renew' | 'complete' | 'cancel';

/** A request for a person that is open in this sandbox, and what a signed-in person can do about it. */
export function HandoffBar({ sandbox, handoff, viewerUrl }: Props): ReactNode {
  const { identity } = useServer();
  const client = useQueryClient();
  const [note, setNote] = useState('');
  const controller = identity.user?.email ?? 'dashboard-user';
  const said = note.trim() === '' ? {} : { note: note.trim() };
  const { mutate, isPending, error, variables } = useMutation({
    mutationFn: (act: Act) => {
      if (act === 'accept') return sandbox.acceptHumanHandoff({ controller });
      if (act === 'renew') return sandbox.handoff.renew({ controller });
      return act === 'complete'
        ? sandbox.completeHumanHandoff({ controller, ...said })
        : sandbox.cancelHumanHandoff(said);
    },
    onSettled: async () => {
      await Promise.all(
        [['view'], handoffKey(sandbox.id)].map((queryKey) => client.invalidateQueries({ queryKey })),
      );
    },
  });
  const accepted = handoff.status === 'accepted';
  const mine = accepted && handoff.controller === controller;
  useRenewal(mine, () => mutate('renew'));
  const busy = isPending && variables !== 'renew';
  return (
    <section
      aria-label="Request for a person"
      className="shrink-0 overflow-hidden rounded-lg border border-wait/40 bg-panel"
    >
      <HandoffNote handoff={handoff} />
      <div className="flex flex-wrap items-center gap-2 px-3 py-2">
        {mine && <NoteInput note={note} onNote={setNote} />}
        {!mine && <Standing handoff={handoff} />}
        {may(identity, 'sandbox_sessions:exec') && (
          <>
            {viewerUrl && !accepted && (
              <CopyButton
                text={viewerUrl}
                label="Copy link"
                title="Whoever has the link can accept this request, without an account"
                className="rounded-md px-2 py-1 text-sm whitespace-nowrap text-soft hover:bg-raised hover:text-ink"
              />
            )}
            {(mine || !accepted) && (
              <Button look="main" disabled={busy} onClick={() => mutate(mine ? 'complete' : 'accept')}>
                {mine ? 'Done' : 'Take over'}
              </Button>
            )}
            <Button disabled={busy} onClick={() => mutate('cancel')}>
              {mine ? 'I can’t' : 'Withdraw'}
            </Button>
          </>
        )}
        <ErrorNote error={error} />
      </div>
    </section>
  );
}

const STANDING = 'text-sm text-soft max-sm:w-full sm:flex-1';

/** Who is at it, or how long somebody is waited for. */
function Standing({ handoff: { status, controller, expiresAt, round } }: { handoff: Handoff }): ReactNode {
  const now = useNow(1_000);
  if (status === 'accepted') return <span className={STANDING}>{controller ?? 'Somebody'} is at it.</span>;
  const left = expiresAt === undefined ? '' : ` for another ${formatDuration(Math.max(0, expiresAt - now))}`;
  const again = round > 1 ? 'Who had taken it has left. ' : '';
  return (
    <span className={STANDING}>
      {again}Automation has stopped and waits for a person{left}.
    </span>
  );
}
