import { useEffect, useState, type ReactNode } from 'react';
import { HandoffNote } from '../../remote/handoff-note.tsx';
import type { ViewerKey } from '../../remote/view-urls.ts';
import { Button } from '../../ui/button.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';
import { HandoffScreen } from './handoff-screen.tsx';
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

/** One request for a person: what is asked, the live browser, and the way to say that it is done. */
export function HandoffPage({ viewerKey }: { viewerKey: ViewerKey }): ReactNode {
  const page = useHandoff(viewerKey);
  const { view, unreachable } = page;
  useEffect(() => {
    document.title = 'Your help is needed';
  }, []);
  if (!view)
    return <Words title={unreachable === null ? 'Opening…' : 'This link does not open'} hint={unreachable} />;
  const end = ENDS[view.handoff.status];
  if (end) return <Words title={end.title} hint={view.handoff.note ?? end.hint} />;
  return (
    <div className="flex h-full flex-col bg-ground">
      <HandoffNote handoff={view.handoff} />
      <Actions page={page} view={view} />
      <main className={view.handoff.fields ? WITH_FORM : 'relative min-h-0 flex-1'}>
        <Form page={page} view={view} />
        {view.screenToken === null ? (
          <Words title="No browser" hint="This sandbox has no browser to show; read the request above." />
        ) : (
          <div className={view.handoff.fields ? BESIDE_FORM : 'relative h-full'}>
            <HandoffScreen key={screenTurn(view)} token={view.screenToken} viewer={viewerKey.viewer} />
          </div>
        )}
      </main>
    </div>
  );
}

/** The form beside the browser, or above it where there is no room. */
const WITH_FORM = 'flex min-h-0 flex-1 flex-col overflow-y-auto lg:flex-row lg:overflow-hidden';
const BESIDE_FORM = 'relative h-72 min-w-0 shrink-0 border-t border-line lg:h-auto lg:flex-1 lg:border-t-0';

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
          <span className="text-soft">You have control.</span>
          <input
            aria-label="Note"
            placeholder="Anything the agent should know (optional)"
            value={note}
            maxLength={4000}
            onChange={(event) => setNote(event.target.value)}
            className={`${INPUT_CLASS} min-w-40 flex-1`}
          />
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
