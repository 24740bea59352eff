import type { Artifact, Sandbox } from '@banata-boxes/sdk';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { saveUrl } from '../../ui/save-url.ts';
import { formatBytes } from '../format.ts';
import { RowButton } from './row-button.tsx';

const kindText: Record<Artifact['kind'], string> = {
  file: '',
  workspace: 'folder',
  'task-report': 'task report',
  recording: 'recording',
  screenshot: 'screenshot',
  har: 'network log',
  document: 'document',
  checkpoint: 'checkpoint',
};
const stateText: Record<Artifact['state'], string> = {
  stored: '',
  pending: 'waits for the object store',
  failed: 'lost with the server’s disk',
};

/** One output: what it is, and what can be done with it. */
export function ArtifactRow({ sandbox, artifact }: { sandbox: Sandbox; artifact: Artifact }): ReactNode {
  const queries = useQueryClient();
  const download = useMutation({
    mutationFn: async () => saveUrl((await sandbox.getArtifactDownloadUrl(artifact.key)).url, artifact.name),
  });
  const removal = useMutation({
    mutationFn: () => sandbox.deleteArtifact(artifact.key),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['artifacts', sandbox.id] }),
  });
  const notes = [kindText[artifact.kind], stateText[artifact.state]].filter((text) => text !== '');

  return (
    <li>
      <div className="flex min-h-9 items-center gap-2 rounded-md px-2 text-sm hover:bg-raised">
        <span className="min-w-0 flex-1 truncate font-mono" title={artifact.key}>
          {artifact.name}
        </span>
        <span className="shrink-0 text-xs text-soft">{notes.join(', ')}</span>
        <span className="shrink-0 text-xs text-soft tabular-nums">{formatBytes(artifact.size)}</span>
        <RowButton
          label={`Download ${artifact.name}`}
          disabled={download.isPending || artifact.state === 'failed'}
          onClick={() => download.mutate()}
        >
          Download
        </RowButton>
        {/* A checkpoint's goes with the checkpoint. */}
        {artifact.kind !== 'checkpoint' && (
          <ConfirmButton
            look="plain"
            label="Delete"
            question={`Delete ${artifact.name} for good?`}
            yes="Delete for good"
            pending={removal.isPending}
            pendingLabel="Deleting…"
            onConfirm={() => removal.mutate()}
          />
        )}
      </div>
      <ErrorNote error={download.error ?? removal.error} />
    </li>
  );
}
