import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { realpath } from 'node:fs/promises';
import { SseStream } from '../../http/sse.ts';
import { FileError } from './file-error.ts';
import type { WatchBudget } from './watch-budget.ts';
import { WatchTree } from './watch-tree.ts';

const HEARTBEAT_MS = 10_000;
/** Why a watch is over: its directory is gone; a limit's code; or this. */
const REMOVED = 'REMOVED';
const FAILED = 'FAILED';

/**
 * Sends changes below a directory as server-sent events: `ready`, then `changes` ({ changes }) and `overflow`, and
 * `end` ({ reason }) when the directory is gone or a limit is reached. Resolves when it is over.
 */
export async function watchPath(
  path: string,
  { recursive, budget }: { recursive: boolean; budget: WatchBudget },
  response: ServerResponse,
): Promise<void> {
  const over = new AbortController();
  response.once('close', () => over.abort());
  let stream: SseStream | undefined;
  const send = async (event: string, data: object): Promise<void> => {
    await stream?.send({ event, data: JSON.stringify(data) });
  };
  const root = await realpath(path);
  const tree = new WatchTree(root, {
    budget,
    recursive,
    onChanges: (changes) => send('changes', { changes }),
    onOverflow: () => send('overflow', {}),
    onGone: () => over.abort(REMOVED),
    onError: (error) => over.abort(error instanceof FileError ? error.code : FAILED),
  });
  await tree.open();
  let beat: NodeJS.Timeout | undefined;
  try {
    stream = new SseStream(response, over.signal);
    await send('ready', { path: root, folders: tree.folders });
    beat = setInterval(() => {
      // A reader that takes nothing needs no sign of life.
      if (!response.writableNeedDrain) response.write(': heartbeat\n\n');
    }, HEARTBEAT_MS);
    if (!over.signal.aborted) await once(over.signal, 'abort');
  } finally {
    clearInterval(beat);
    tree.close();
  }
  const reason: unknown = over.signal.reason;
  if (!response.destroyed) response.end(`event: end\ndata: ${JSON.stringify({ reason })}\n\n`);
}
