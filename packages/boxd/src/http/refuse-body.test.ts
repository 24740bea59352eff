import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

/** More than the buffers of the two sockets hold. */
const PIECE = Buffer.alloc(1024 * 1024);
/** For as long a caller that shares a busy machine may not get to read the answer. */
const BUSY_MS = 2000;

/** Lets this thread do nothing, so that neither the answer is read nor the body sent on. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('a caller that sends on before it looks for the answer gets it all the same', async () => {
  const worker = new Worker(new URL('../testing/refusing-server-main.ts', import.meta.url));
  try {
    const [port] = (await once(worker, 'message')) as [number];
    const outgoing = request({ host: '127.0.0.1', port, method: 'PUT', agent: false });
    const reply = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
    });
    // The first piece has been taken, and with it the body refused.
    await new Promise((resolve) => outgoing.write(PIECE, resolve));
    stall(BUSY_MS);
    for (let sent = 0; sent < 4; sent += 1) outgoing.write(PIECE);
    const answer = await reply;
    expect(answer.statusCode).toBe(413);
    expect(await json(answer)).toEqual({ code: 'FILE_TOO_LARGE' });
    outgoing.destroy();
  } finally {
    await worker.terminate();
  }
});
