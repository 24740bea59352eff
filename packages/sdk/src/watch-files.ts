import { readSse } from './read-sse.ts';
import type { Transport } from './transport.ts';
import type { CallOptions, FileChange } from './types.ts';

/** What to watch; aborting the signal ends the watch. */
export interface WatchOptions extends CallOptions {
  /** Folders below it, too. Default false. */
  recursive?: boolean;
}

/**
 * A change, or word that changes were lost: after `overflow` read the folder anew. `ready` comes first: every change
 * after it is told.
 */
export type FileWatchEvent = FileChange | { type: 'ready'; path: string } | { type: 'overflow' };

/**
 * Changes of a folder until it is gone.
 * @throws BanataError `NETWORK_ERROR` when the stream breaks off: what happened meanwhile is not known then.
 */
export async function* watchFiles(
  transport: Transport,
  query: { id: string; path: string; recursive: boolean },
  signal: AbortSignal | undefined,
): AsyncGenerator<FileWatchEvent, void> {
  const response = await transport.open({ method: 'GET', path: '/v1/sandboxes/fs/watch', query, signal });
  for await (const { event, data } of readSse(response, 'end')) {
    signal?.throwIfAborted();
    if (event === 'ready') {
      const { path } = JSON.parse(data) as { path: string };
      yield { type: 'ready', path };
    } else if (event === 'overflow') yield { type: 'overflow' };
    else if (event === 'changes') yield* (JSON.parse(data) as { changes: FileChange[] }).changes;
  }
}
