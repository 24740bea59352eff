import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Sandbox } from '@banata-boxes/sdk';
import { startInstallation } from '../banata-installation.ts';
import { BIG_BYTES, startTar, type Workload } from './work.ts';
import type { FilesScenario, Moves } from './scenario.ts';

const CHUNK_BYTES = 1024 ** 2;

interface Api {
  url: string;
  key: string;
  sandboxId: string;
  signal: AbortSignal;
}

/** Moves the workload over plain HTTP, as any client can. */
export async function withBanata<T>(
  { root, signal }: FilesScenario,
  work: Workload,
  measure: (moves: Moves) => Promise<T>,
): Promise<T> {
  await using installation = await startInstallation(root, { BANATA_WARM: '0' }, signal);
  await using sandbox: Sandbox = await installation.client.launch({ signal });
  const api = { ...installation.api, sandboxId: sandbox.id, signal };
  return await measure({
    bigUp: async () => {
      const body = createReadStream(work.big, { highWaterMark: CHUNK_BYTES });
      await drained(await send(api, 'PUT', 'file?path=big', { body, length: BIG_BYTES }));
    },
    bigDown: async () => {
      const reply = await send(api, 'GET', 'file?path=big');
      await pipeline(reply, createWriteStream(work.back, { highWaterMark: CHUNK_BYTES }));
    },
    smallUp: async () => {
      const tar = startTar('pack', work.small, signal);
      await drained(await send(api, 'POST', 'upload?path=small', { body: tar.stdout }));
      await tar.ended;
    },
    smallDown: async () => {
      await mkdir(work.back);
      const tar = startTar('unpack', work.back, signal);
      await pipeline(await send(api, 'GET', 'download?path=small'), tar.stdin);
      await tar.ended;
    },
    forget: async () => void (await sandbox.exec('rm -rf /workspace/*', undefined, { signal })),
  });
}

function send(
  { url, key, sandboxId, signal }: Api,
  method: string,
  route: string,
  { body, length }: { body?: Readable; length?: number } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}/v1/sandboxes/fs/${route}&id=${sandboxId}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(length !== undefined && { 'content-length': length }) },
      signal,
    });
    outgoing.once('error', reject);
    outgoing.once('response', (reply) => {
      if (reply.statusCode === 200) resolve(reply);
      else {
        const told = text(reply).then(
          (answer) => new Error(`${method} ${route}: ${reply.statusCode} ${answer}`),
        );
        told.then(reject, reject);
      }
    });
    if (body) pipeline(body, outgoing).catch(reject);
    else outgoing.end();
  });
}

async function drained(reply: IncomingMessage): Promise<void> {
  for await (const chunk of reply) void chunk;
}
