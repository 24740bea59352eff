import type { FileEntry, Sandbox } from '@banata-boxes/sdk';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { ErrorNote } from '../../ui/error-note.tsx';
import { saveBlob } from '../../ui/save-blob.ts';
import { FileRow } from './file-row.tsx';
import { PathLine } from './path-line.tsx';

const HOME = '/workspace';

interface Props {
  sandbox: Sandbox;
  works: boolean;
  active: boolean;
}

function inOrder(entries: readonly FileEntry[]): FileEntry[] {
  const folder = ({ type }: FileEntry): number => (type === 'directory' ? 0 : 1);
  return entries.toSorted((a, b) => folder(a) - folder(b) || a.name.localeCompare(b.name));
}

/**
 * Files of the sandbox: looking around, downloading, keeping as artifacts. Read anew when the agent or a command may
 * have changed them, and not on a clock: reading files counts as activity, which would keep the sandbox alive.
 */
export function FilesPanel({ sandbox, works, active }: Props): ReactNode {
  const queries = useQueryClient();
  const [path, setPath] = useState(HOME);
  const folder = useQuery({
    queryKey: ['files', sandbox.id, path],
    queryFn: ({ signal }) => sandbox.fs.list(path, { signal }),
    enabled: works && active,
  });
  const download = useMutation({
    mutationFn: async (entry: FileEntry) =>
      saveBlob(new Blob([await sandbox.fs.readBytes(entry.path)]), entry.name),
  });
  const keeping = useMutation({
    mutationFn: (entry: FileEntry) => sandbox.publishArtifact(entry.path),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['artifacts', sandbox.id] }),
  });
  const busy = download.isPending ? download.variables : keeping.isPending ? keeping.variables : null;

  if (!works)
    return <p className="m-auto p-6 text-center text-sm text-soft">The sandbox shows no files now.</p>;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <PathLine path={path} onOpen={setPath} onRefresh={() => void folder.refetch()} />
      <div className="flex flex-col gap-2 px-3 empty:hidden">
        <ErrorNote error={folder.error ?? download.error ?? keeping.error} />
        {keeping.isSuccess && (
          <p role="status" className="py-1 text-sm text-good">
            “{keeping.data.name}” is kept as an artifact.
          </p>
        )}
      </div>
      <ul className="min-h-0 flex-1 overflow-y-auto p-1">
        {folder.data?.entries.length === 0 && (
          <li className="p-6 text-center text-sm text-soft">No files here.</li>
        )}
        {inOrder(folder.data?.entries ?? []).map((entry) => (
          <FileRow
            key={entry.path}
            entry={entry}
            busy={busy?.path === entry.path}
            onOpen={setPath}
            onDownload={download.mutate}
            onKeep={keeping.mutate}
          />
        ))}
        {folder.data?.truncated && <li className="p-3 text-sm text-soft">This folder has more entries.</li>}
      </ul>
    </div>
  );
}
