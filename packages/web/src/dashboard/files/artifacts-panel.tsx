import type { Sandbox } from '@banata-boxes/sdk';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ErrorNote } from '../../ui/error-note.tsx';
import { ArtifactRow } from './artifact-row.tsx';

const POLL_MS = 10_000;

/** Outputs that outlive the sandbox. */
export function ArtifactsPanel({ sandbox, active }: { sandbox: Sandbox; active: boolean }): ReactNode {
  const list = useQuery({
    queryKey: ['artifacts', sandbox.id],
    queryFn: ({ signal }) => sandbox.getArtifacts({ limit: 500, signal }),
    enabled: active,
    refetchInterval: POLL_MS,
  });

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="px-3 pt-2 empty:hidden">
        <ErrorNote error={list.error} />
      </div>
      <ul className="min-h-0 flex-1 overflow-y-auto p-1">
        {list.data?.data.length === 0 && (
          <li className="p-6 text-center text-sm text-soft">
            No artifacts yet. “Keep” a file to have it outlive the sandbox.
          </li>
        )}
        {list.data?.data.map((artifact) => (
          <ArtifactRow key={artifact.key} sandbox={sandbox} artifact={artifact} />
        ))}
        {list.data?.nextCursor && (
          <li className="p-3 text-sm text-soft">These are the first 500, in the order of their keys.</li>
        )}
      </ul>
    </div>
  );
}
