import type { FileEntry } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { formatBytes } from '../format.ts';
import { RowButton } from './row-button.tsx';

/** Most that is passed through the page's memory, in bytes. */
const MAX_DOWNLOAD = 256 * 1024 * 1024;

interface Props {
  entry: FileEntry;
  busy: boolean;
  onOpen: (path: string) => void;
  onDownload: (entry: FileEntry) => void;
  onKeep: (entry: FileEntry) => void;
}

/** A file or folder. */
export function FileRow({ entry, busy, onOpen, onDownload, onKeep }: Props): ReactNode {
  const row = 'flex min-h-9 items-center gap-2 rounded-md px-2 text-sm';
  if (entry.type === 'directory') {
    return (
      <li>
        <button
          type="button"
          onClick={() => onOpen(entry.path)}
          className={`${row} w-full text-left font-mono text-accent hover:bg-raised`}
        >
          <span className="truncate">{entry.name}/</span>
        </button>
      </li>
    );
  }
  const large = entry.size > MAX_DOWNLOAD;
  return (
    <li className={`${row} hover:bg-raised`}>
      <span className="min-w-0 flex-1 truncate font-mono" title={entry.path}>
        {entry.name}
      </span>
      <span className="shrink-0 text-xs text-soft tabular-nums">
        {entry.type === 'file' ? formatBytes(entry.size) : entry.type}
      </span>
      {entry.type !== 'other' && (
        <>
          <RowButton
            label={`Download ${entry.name}`}
            disabled={busy || large}
            title={large ? 'Too large for this page: keep it, then download the artifact' : undefined}
            onClick={() => onDownload(entry)}
          >
            Download
          </RowButton>
          <RowButton
            label={`Keep ${entry.name} as an artifact`}
            title="Keep as an artifact, which outlives the sandbox"
            disabled={busy}
            onClick={() => onKeep(entry)}
          >
            Keep
          </RowButton>
        </>
      )}
    </li>
  );
}
