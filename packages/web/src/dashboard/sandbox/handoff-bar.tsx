import type { Sandbox } from '@banata-boxes/sdk';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { HandoffNote } from '../../remote/handoff-note.tsx';
import type { PreviewView } from '../../remote/view-reply.ts';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';
import { useServer } from '../shell/server-context.ts';

interface Props {
  sandbox: Sandbox;
  view: PreviewView | null;
}

type Act = 'accept' | 'complete' | 'cancel';

/** A request for a person that is open in this sandbox, and what a signed-in person can do about it. */
export function HandoffBar({ sandbox, view }: Props): ReactNode {
  const { identity } = useServer();
  const client = useQueryClient();
  const [note, setNote] = useState('');
  const controller = identity.user?.email ?? 'dashboard-user';
  const said = note.trim() === '' ? {} : { note: note.trim() };
  const { mutate, isPending, error } = useMutation({
    mutationFn: (act: Act) => {
      if (act === 'accept') return sandbox.acceptHumanHandoff({ controller });
      return act === 'complete'
        ? sandbox.completeHumanHandoff({ controller, ...said })
        : sandbox.cancelHumanHandoff(said);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['view'] }),
  });
  const handoff = view?.handoff;
  if (!handoff) return null;
  const accepted = handoff.status === 'accepted';
  const mine = accepted && handoff.controller === controller;
  return (
    <div className="shrink-0">
      <HandoffNote handoff={handoff} />
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
        {mine ? (
          <input
            aria-label="Note"
            placeholder="Anything the agent should know (optional)"
            value={note}
            maxLength={4000}
            onChange={(event) => setNote(event.target.value)}
            className={`${INPUT_CLASS} min-w-40 flex-1`}
          />
        ) : (
          <span className="flex-1 text-sm text-soft">{whoIsAtIt(handoff)}</span>
        )}
        <Button
          look="main"
          disabled={isPending || (accepted && !mine)}
          onClick={() => mutate(mine ? 'complete' : 'accept')}
        >
          {mine ? 'Done' : 'Take over'}
        </Button>
        <Button disabled={isPending} onClick={() => mutate('cancel')}>
          Cancel request
        </Button>
        {error && <ErrorNote error={error} />}
      </div>
    </div>
  );
}

function whoIsAtIt({ status, controller }: NonNullable<PreviewView['handoff']>): string {
  return status === 'accepted' ? `${controller ?? 'Somebody'} is at it.` : 'Waits for a person.';
}
