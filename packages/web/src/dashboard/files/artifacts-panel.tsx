import type { Artifact, Sandbox } from '@banata-boxes/sdk';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ErrorNote } from '../../ui/error-note.tsx';
import { saveUrl } from '../../ui/save-url.ts';
import { formatBytes } from '../format.ts';
import { RowButton } from './row-button.tsx';

const POLL_MS = 10_000;

/** Outputs that outlive the sandbox. */
export function ArtifactsPanel({ sandbox, active }: { sandbox: Sandbox; active: boolean }): ReactNode {
  const list = useQuery({
    queryKey: ['artifacts', sandbox.id],
    queryFn: ({ signal }) => sandbox.getArtifacts({ limit: 500, signal }),
    enabled: active,
    refetchInterval: POLL_MS,
  });
  const download = useMutation({
    mutationFn: async ({ key, name }: Artifact) =>
      saveUrl((await sandbox.getArtifactDownloadUrl(key)).url, name),
  });

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="px-3 pt-2 empty:hidden">
        <ErrorNote error={list.error ?? download.error} />
      </div>
      <ul className="min-h-0 flex-1 overflow-y-auto p-1">
        {list.data?.data.length === 0 && (
          <li className="p-6 text-center text-sm text-soft">
            No artifacts yet. “Keep” a file to have it outlive the sandbox.
          </li>
        )}
        {list.data?.data.map((artifact) => (
          <li
            key={artifact.key}
            className="flex min-h-9 items-center gap-2 rounded-md px-2 text-sm hover:bg-raised"
          >
            <span className="min-w-0 flex-1 truncate font-mono" title={artifact.key}>
              {artifact.name}
            </span>
            <span className="shrink-0 text-xs text-soft">
              {artifact.kind === 'task-report' && 'task report'}
            </span>
            <span className="shrink-0 text-xs text-soft tabular-nums">{formatBytes(artifact.size)}</span>
            <RowButton
              label={`Download ${artifact.name}`}
              disabled={download.isPending && download.variables.key === artifact.key}
              onClick={() => download.mutate(artifact)}
            >
              Download
            </RowButton>
          </li>
        ))}
        {list.data?.nextCursor && <li className="p-3 text-sm text-soft">These are the newest 500.</li>}
      </ul>
    </div>
  );
}
