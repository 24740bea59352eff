import { useInfiniteQuery } from '@tanstack/react-query';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../../ui/button.tsx';
import { Field } from '../../../ui/field.tsx';
import { MoreButton } from '../../../ui/more-button.tsx';
import { useClient } from '../../shell/use-client.ts';
import { Panel } from '../panel.tsx';
import { AuditRow } from './audit-row.tsx';

const PAGE = 50;

/** Who did what in the organization. */
export function AuditPanel(): ReactNode {
  const client = useClient();
  const [typed, setTyped] = useState('');
  const [route, setRoute] = useState('');
  const [actor, setActor] = useState<{ id: string; name: string } | null>(null);
  const log = useInfiniteQuery({
    queryKey: ['audit', route, actor?.id],
    queryFn: ({ signal, pageParam }) =>
      client.auditLog.list({
        limit: PAGE,
        signal,
        ...(route !== '' && { route }),
        ...(actor && { actorId: actor.id }),
        ...(pageParam !== null && { cursor: pageParam }),
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
  const entries = log.data?.pages.flatMap(({ data }) => data) ?? [];
  const filter = (event: SyntheticEvent): void => {
    event.preventDefault();
    setRoute(typed.trim());
  };

  return (
    <>
      <Panel
        title="Audit log"
        action={<Button onClick={() => void log.refetch()}>Read again</Button>}
        errors={[log.error]}
        pending={log.isPending}
        empty={log.data && entries.length === 0 ? 'Nothing was done that fits.' : undefined}
        top={
          <form onSubmit={filter} aria-label="Filter" className="flex flex-wrap items-end gap-3">
            <div className="w-full sm:w-72">
              <Field
                label="Route"
                placeholder="apiKeys.create"
                autoComplete="off"
                value={typed}
                onText={setTyped}
              />
            </div>
            <Button type="submit">Filter</Button>
            {actor && <Button onClick={() => setActor(null)}>Only {actor.name} ✕</Button>}
          </form>
        }
      >
        {entries.map((entry) => (
          <AuditRow key={entry.id} entry={entry} onActor={(id, name) => setActor({ id, name })} />
        ))}
      </Panel>
      <MoreButton label="Older" query={log} />
    </>
  );
}
