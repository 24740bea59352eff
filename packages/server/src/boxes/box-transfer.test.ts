import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openTransfer } from './box-transfer.ts';

const PIECES = [1, 700, 64 * 1024, 300_000, 5, 1_000_000, 256 * 1024, 262_143, 2_000_000];

function sha256(parts: Buffer[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

async function* slowly(pieces: Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    yield piece;
    await sleep(2);
  }
}

test.each(['content-length', 'chunked'])(
  'pieces that are kept stay what they were when they came (%s)',
  async (framing) => {
    const pieces = PIECES.map((length) => randomBytes(length));
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const server = createServer((_, response) => {
      if (framing === 'content-length') response.setHeader('content-length', length);
      void pipeline(slowly(pieces), response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port, token: 'a' };
      const reply = await openTransfer(endpoint, { method: 'GET', path: '/', timeoutMs: 10_000 });
      const kept: Buffer[] = [];
      for await (const chunk of reply as AsyncIterable<Buffer>) kept.push(chunk);
      expect(kept.length).toBeGreaterThan(PIECES.length);
      expect(sha256(kept)).toBe(sha256(pieces));
    } finally {
      server.close();
    }
  },
);
