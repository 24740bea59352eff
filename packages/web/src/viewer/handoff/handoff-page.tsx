import { useEffect, useState, type ReactNode } from 'react';
import { HandoffNote } from '../../remote/handoff-note.tsx';
import { leaseText } from '../../remote/lease-text.ts';
import { NoteInput } from '../../remote/note-input.tsx';
import type { ViewerKey } from '../../remote/view-urls.ts';
import { Button } from '../../ui/button.tsx';
import { ViewerFrame } from '../viewer-frame.tsx';
import { SecretForm } from './secret-form.tsx';
import { useHandoff, type HandoffPageState, type HandoffView } from './use-handoff.ts';

const ENDS: Partial<Record<HandoffView['handoff']['status'], { title: string; hint: string }>> = {
  completed: {
    title: 'Done. Thank you.',
    hint: 'Automation goes on from where you left. You can close this page.',
  },
  cancelled: { title: 'Closed', hint: 'This request needs nobody any more. You can close this page.' },
  expired: { title: 'Too late', hint: 'Nobody came in time, and automation went on without.' },
};

/** A token for the live view is good for an hour. */
const SCREEN_TURN_MS = 55 * 60_000;
const LEASE_WARNING_MS = 2 * 60_000;

/** One request for a person: what is asked, the live browser, and the way to say that it is done. */
export function HandoffPage({ viewerKey }: { viewerKey: ViewerKey }): ReactNode {
  const page = useHandoff(viewerKey);
  const { view, unreachable } = page;
  const screenKey = useScreenKey(view, viewerKey);
  useEffect(() => {
    document.title = 'Your help is needed';
  }, []);
  if (!view)
    return <Words title={unreachable === null ? 'Opening…' : 'This link does not open'} hint={unreachable} />;
  const end = ENDS[view.handoff.status];
  if (end) return <Words title={end.title} hint={view.handoff.note ?? end.hint} />;
  const asked = (
    <>
      <HandoffNote handoff={view.handoff} />
      <Actions page={page} view={view} />
    </>
  );
  const form = view.handoff.fields && <Form page={page} view={view} />;
  if (screenKey) return <ViewerFrame viewerKey={screenKey} below={() => asked} beside={form} />;
  return (
    <div className="flex h-full flex-col bg-ground">
      {asked}
      <main className="relative min-h-0 flex-1">
        {form}
        <Words title="No browser" hint="This sandbox has no browser to show; read the request above." />
      </main>
    </div>
  );
}

function Form({ page: { send, busy }, view }: { page: HandoffPageState; view: HandoffView }): ReactNode {
  const { fields, deliver, status, controller } = view.handoff;
  if (!fields) return null;
  const taken = status === 'accepted' && !view.mine ? `${controller ?? 'Somebody'} is at it.` : null;
  return (
    <SecretForm
      fields={fields}
      deliver={deliver}
      blocked={busy ? 'Sending…' : taken}
      onSend={(values, note) => send({ act: 'fill', values, ...(note === '' ? {} : { note }) })}
    />
  );
}

function Actions({ page, view }: { page: HandoffPageState; view: HandoffView }): ReactNode {
  const { send, busy, problem } = page;
  const [note, setNote] = useState('');
  const { status, controller } = view.handoff;
  const said = note.trim() === '' ? {} : { note: note.trim() };
  return (
    <section className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-2 text-sm">
      {view.mine ? (
        <>
          <span className="text-soft max-sm:w-full">{holdText(view)}</span>
          <NoteInput note={note} onNote={setNote} />
          <Button
            look="main"
            disabled={busy}
            onClick={() => send({ act: 'complete', outcome: 'done', ...said })}
          >
            Done
          </Button>
          <Button disabled={busy} onClick={() => send({ act: 'complete', outcome: 'cannot', ...said })}>
            I can’t
          </Button>
        </>
      ) : (
        <>
          <span className="flex-1 text-soft">
            {status === 'accepted'
              ? `${controller ?? 'Somebody'} is at it. You can watch.`
              : view.handoff.fields
                ? 'Automation has stopped and waits for you. Fill in the form, or take control of the browser.'
                : 'Automation has stopped and waits for you.'}
          </span>
          <Button
            look={view.handoff.fields ? 'plain' : 'main'}
            disabled={busy || status === 'accepted'}
            onClick={() => send({ act: 'accept' })}
          >
            Take control
          </Button>
        </>
      )}
      {problem && (
        <p role="alert" className="w-full text-bad">
          {problem}
        </p>
      )}
    </section>
  );
}

/** Says that control ends only to a person who seems to be away: it is renewed for others. */
function holdText({ now, handoff: { leaseUntil } }: HandoffView): string {
  const left = leaseUntil !== undefined && leaseUntil - now < LEASE_WARNING_MS;
  return left ? `You have control for another ${leaseText(leaseUntil, now)}.` : 'You have control.';
}

/** What the live view is opened with. A fresh token comes with every look; one is kept while it is good. */
function useScreenKey(view: HandoffView | undefined, { viewer }: ViewerKey): ViewerKey | null {
  const [kept, setKept] = useState<{ turn: string; key: ViewerKey } | null>(null);
  if (!view || view.screenToken === null) return null;
  const turn = screenTurn(view);
  if (kept?.turn === turn) return kept.key;
  const key = { token: view.screenToken, viewer };
  setKept({ turn, key });
  return key;
}

/** Changes when the live view needs another token: with who drives, and before the one it has ends. */
function screenTurn({ mine, now, handoff }: HandoffView): string {
  return `${mine}:${Math.floor((now - handoff.requestedAt) / SCREEN_TURN_MS)}`;
}

function Words({ title, hint }: { title: string; hint: string | null }): ReactNode {
  return (
    <div role="status" className="grid h-full place-items-center bg-ground p-6 text-center">
      <div className="flex max-w-sm flex-col gap-1.5">
        <h1 className="text-lg font-semibold text-balance">{title}</h1>
        {hint && <p className="text-sm leading-relaxed text-pretty text-soft">{hint}</p>}
      </div>
    </div>
  );
}
