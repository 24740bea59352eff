import type { Sandbox, SandboxSession } from '@banata-boxes/sdk';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { ErrorNote } from '../../ui/error-note.tsx';
import { ConnectionRow } from './connection-row.tsx';
import { reachText } from './network-text.ts';

const POLL_MS = 3_000;
const NEWEST = 200;

interface Props {
  sandbox: Sandbox;
  session: SandboxSession;
  active: boolean;
}

/** What the sandbox may reach, and its newest connections, refused ones too. */
export function NetworkPanel({ sandbox, session, active }: Props): ReactNode {
  const [onlyRefused, setOnlyRefused] = useState(false);
  const log = useQuery({
    queryKey: ['network', sandbox.id],
    queryFn: ({ signal }) => sandbox.network.log({ limit: NEWEST, signal }),
    enabled: active,
    refetchInterval: POLL_MS,
  });
  const connections = log.data?.data.filter(({ allowed }) => !onlyRefused || !allowed) ?? [];

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1 border-b border-line px-3 py-2 text-sm">
        <p className="wrap-anywhere min-w-0 flex-1">{reachText(session.network)}</p>
        <label className="flex shrink-0 items-center gap-2 text-soft">
          <input
            type="checkbox"
            checked={onlyRefused}
            onChange={({ currentTarget }) => setOnlyRefused(currentTarget.checked)}
          />
          Only refused
        </label>
      </div>
      <div className="px-3 pt-2 empty:hidden">
        <ErrorNote error={log.error} />
      </div>
      <ul aria-label="Connections" className="min-h-0 flex-1 overflow-y-auto p-1">
        {log.data && connections.length === 0 && (
          <li className="p-6 text-center text-sm text-soft">
            {onlyRefused ? 'Nothing was refused.' : 'No connections yet.'}
          </li>
        )}
        {connections.map((connection) => (
          <ConnectionRow key={connection.id} connection={connection} />
        ))}
        {log.data?.nextCursor && <li className="p-3 text-sm text-soft">These are of the newest {NEWEST}.</li>}
      </ul>
    </div>
  );
}
