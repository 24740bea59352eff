import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { useNow } from '../../ui/use-now.ts';
import { CreateForm } from '../create/create-form.tsx';
import { useClient } from '../shell/use-client.ts';
import { SandboxRow } from './sandbox-row.tsx';

const POLL_MS = 3_000;

/** All sandboxes, and making one. */
export function ListPage(): ReactNode {
  const client = useClient();
  const [all, setAll] = useState(false);
  const [creating, setCreating] = useState(false);
  const now = useNow(1_000);
  const list = useQuery({
    queryKey: ['sandboxes', all],
    queryFn: ({ signal }) => client.list({ all, limit: 100, signal }),
    refetchInterval: POLL_MS,
    placeholderData: (before) => before,
  });

  // Asked apart, so that one that cannot be read hides no sandbox.
  const handoffs = useQuery({
    queryKey: ['open-handoffs'],
    queryFn: ({ signal }) => client.listOpenHandoffs({ limit: 100, signal }),
    refetchInterval: POLL_MS,
  });
  const asked = new Map(handoffs.data?.data.map((handoff) => [handoff.sandboxId, handoff.status]));

  return (
    <div className="flex flex-col gap-5">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-3">
        <h1 className="mr-auto text-xl font-semibold">Sandboxes</h1>
        <label className="flex items-center gap-2 text-sm text-soft">
          <input
            type="checkbox"
            checked={all}
            onChange={(event) => setAll(event.target.checked)}
            className="size-4 accent-accent"
          />
          Show ended
        </label>
        {!creating && (
          <Button look="main" onClick={() => setCreating(true)}>
            New sandbox
          </Button>
        )}
      </div>
      {creating && <CreateForm onCancel={() => setCreating(false)} />}
      <ErrorNote error={list.error} />
      {list.isPending && <Spinner className="mx-auto size-7" />}
      {list.data?.data.length === 0 && !creating && (
        <p className="rounded-lg border border-dashed border-line px-6 py-12 text-center text-sm text-soft">
          No sandbox {all ? 'has been made yet' : 'is running'}. Make one with “New sandbox”, or with the SDK.
        </p>
      )}
      {list.data && list.data.data.length > 0 && (
        <ul className="divide-y divide-line overflow-hidden rounded-lg border border-line bg-panel">
          {list.data.data.map((session) => (
            <SandboxRow key={session.id} session={session} now={now} handoff={asked.get(session.id)} />
          ))}
        </ul>
      )}
      {list.data?.nextCursor && <p className="text-sm text-soft">These are the newest 100.</p>}
    </div>
  );
}
