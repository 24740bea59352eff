import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { readDesktopSize, setDesktopSize } from './rfb-client.ts';

let server: Server | undefined;
let dir: string | undefined;

afterEach(async () => {
  server?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** A VNC server that answers the handshake and then sends these bytes. */
async function serve(after: Buffer, hello = 'RFB 003.008\n'): Promise<string> {
  dir = await mkdtemp(join(tmpdir(), 'rfb-'));
  const init = Buffer.alloc(24);
  init.writeUInt16BE(1280, 0);
  init.writeUInt16BE(800, 2);
  server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.write(Buffer.concat([Buffer.from(hello), Buffer.from([1, 1, 0, 0, 0, 0]), init, after]));
    socket.on('end', () => socket.end());
  });
  server.listen(join(dir, 'socket'));
  await once(server, 'listening');
  return join(dir, 'socket');
}

function layout(reason: number, status: number, width: number, height: number): Buffer {
  const message = Buffer.alloc(4 + 12 + 4 + 16);
  message.writeUInt16BE(1, 2);
  [reason, status, width, height].forEach((value, index) => message.writeUInt16BE(value, 4 + index * 2));
  message.writeInt32BE(-308, 12);
  message.writeUInt8(1, 16);
  return message;
}

test('reads the size', async () => {
  expect(await readDesktopSize(await serve(Buffer.alloc(0)))).toEqual({ width: 1280, height: 800 });
});

test('resizes, past a bell and a clipboard in between', async () => {
  const between = Buffer.from([2, 3, 0, 0, 0, 0, 0, 0, 2, 97, 98]);
  const path = await serve(Buffer.concat([layout(0, 0, 1280, 800), between, layout(1, 0, 1000, 700)]));
  expect(await setDesktopSize(path, { width: 1000, height: 700 })).toEqual({ width: 1000, height: 700 });
});

test('says why it was not resized', async () => {
  const path = await serve(Buffer.concat([layout(0, 0, 1280, 800), layout(1, 2, 1280, 800)]));
  await expect(setDesktopSize(path, { width: 1000, height: 700 })).rejects.toMatchObject({
    code: 'RESIZE_FAILED',
    message: 'The desktop was not resized: out of resources.',
  });
});

test.each([
  ['another protocol', Buffer.alloc(0), 'HTTP/1.1 200'],
  ['an unknown message', Buffer.from([99]), undefined],
  ['an endless clipboard', Buffer.from([3, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]), undefined],
])('%s is an error', async (_name, after, hello) => {
  const path = await serve(after, hello);
  await expect(setDesktopSize(path, { width: 1000, height: 700 })).rejects.toMatchObject({
    code: 'DESKTOP_UNAVAILABLE',
  });
});

test('no server is an error', async () => {
  await expect(readDesktopSize('/nonexistent/socket')).rejects.toMatchObject({ code: 'DESKTOP_UNAVAILABLE' });
});
