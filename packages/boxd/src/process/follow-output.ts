import type { ProcessChunk } from '@banata/protocol/box';
import { isUtf8 } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SseStream } from '../http/sse.ts';
import type { BackgroundProcess } from './background-process.ts';
import type { StreamName } from './process-files.ts';

const CHUNK_BYTES = 64 * 1024;
const MIN_POLL_MS = 10;
const MAX_POLL_MS = 100;
const HEARTBEAT_MS = 10_000;

export type Offsets = Record<StreamName, number>;

/** Sends output from the offsets on until the process has ended, then `end` with its state. */
export async function followOutput(
  found: BackgroundProcess,
  offsets: Offsets,
  stream: SseStream,
): Promise<void> {
  let pollMs = MIN_POLL_MS;
  let beat = performance.now();
  for (;;) {
    const over = found.isOver;
    let sent = false;
    for (const name of ['stdout', 'stderr'] as const) {
      const chunk = await readChunk(found, name, { offset: offsets[name], maxBytes: CHUNK_BYTES });
      if (chunk.nextOffset === chunk.offset) continue;
      offsets[name] = chunk.nextOffset;
      await stream.send({ id: eventId(offsets), event: name, data: JSON.stringify(chunk) });
      sent = true;
    }
    if (sent) {
      beat = performance.now();
      pollMs = MIN_POLL_MS;
      continue;
    }
    if (over) break;
    if (performance.now() - beat > HEARTBEAT_MS) {
      beat = performance.now();
      await stream.comment('');
    }
    await Promise.race([sleep(pollMs), found.ended]);
    pollMs = Math.min(pollMs * 2, MAX_POLL_MS);
    stream.ensureOpen();
  }
  await stream.send({ id: eventId(offsets), event: 'end', data: JSON.stringify(await found.view()) });
  stream.end();
}

/** A piece of a stream, in whole characters, at most `maxBytes` long. */
export async function readChunk(
  found: BackgroundProcess,
  name: StreamName,
  { offset, maxBytes }: { offset: number; maxBytes: number },
): Promise<ProcessChunk> {
  const bytes = wholeCharacters(await found.files.read(name, offset, maxBytes), found.isOver);
  const encoding = isUtf8(bytes) ? 'utf8' : 'base64';
  return { offset, nextOffset: offset + bytes.length, data: bytes.toString(encoding), encoding };
}

/** Leaves the beginning of a character at the end for the next piece, unless there is nothing else. */
export function wholeCharacters(bytes: Buffer, isLast: boolean): Buffer {
  if (isLast || isUtf8(bytes)) return bytes;
  for (let cut = 1; cut <= 3 && cut < bytes.length; cut += 1) {
    const head = bytes.subarray(0, bytes.length - cut);
    if (isUtf8(head) && (bytes[bytes.length - cut] ?? 0) >= 0xc2) return head;
  }
  return bytes;
}

function eventId({ stdout, stderr }: Offsets): string {
  return `${stdout}-${stderr}`;
}
