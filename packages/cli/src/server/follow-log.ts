import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 200;
const CHUNK = 64 * 1024;

/** Writes what is added to a log file until `isOver` says that nothing more comes. */
export async function followLog(
  path: string,
  options: { from: number; to: Writable; isOver: () => Promise<boolean> },
): Promise<void> {
  await using file = await open(path, 'r');
  const buffer = Buffer.alloc(CHUNK);
  for (let position = options.from, last = false; ;) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK, position);
    position += bytesRead;
    if (bytesRead > 0) options.to.write(Buffer.from(buffer.subarray(0, bytesRead)));
    else if (last) return;
    else {
      // One more look after the end, for what was written in between.
      last = await options.isOver();
      if (!last) await sleep(POLL_MS);
    }
  }
}
