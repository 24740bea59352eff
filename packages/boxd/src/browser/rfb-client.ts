import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Viewport } from '@banata/protocol/box';
import { BoxError } from '../http/route.ts';
import type { InputStep } from './computer/input-steps.ts';
import { SocketReader } from './socket-reader.ts';

const VERSION = 'RFB 003.008\n';
const SECURITY_NONE = 1;
const ENCODING_RAW = 0;
const ENCODING_EXTENDED_DESKTOP_SIZE = -308;
const REASON_THIS_CLIENT = 1;
const TIMEOUT_MS = 5_000;

const RESIZE_STATUS: Record<number, string> = {
  1: 'resizing is prohibited',
  2: 'out of resources',
  3: 'the layout is not valid',
};

/**
 * The size of the desktop behind a VNC server's Unix socket.
 * See RFC 6143 for the protocol.
 */
export async function readDesktopSize(path: string): Promise<Viewport> {
  return withConnection(path, async (_reader, _socket, size) => Promise.resolve(size));
}

/**
 * Resizes the desktop (SetDesktopSize and ExtendedDesktopSize of the RFB community specification).
 * @throws BoxError 502 `RESIZE_FAILED` when the VNC server refuses.
 */
export async function setDesktopSize(path: string, wanted: Viewport): Promise<Viewport> {
  return withConnection(path, async (reader, socket) => {
    const encodings = Buffer.alloc(12);
    encodings.writeUInt8(2, 0);
    encodings.writeUInt16BE(2, 2);
    encodings.writeInt32BE(ENCODING_RAW, 4);
    encodings.writeInt32BE(ENCODING_EXTENDED_DESKTOP_SIZE, 8);
    socket.write(encodings);
    socket.write(updateRequest());
    const layout = await nextLayout(reader, () => true);
    if (layout.width === wanted.width && layout.height === wanted.height) return wanted;
    const request = Buffer.alloc(24);
    request.writeUInt8(251, 0);
    request.writeUInt16BE(wanted.width, 2);
    request.writeUInt16BE(wanted.height, 4);
    request.writeUInt8(1, 6);
    request.writeUInt32BE(layout.screenId, 8);
    request.writeUInt16BE(wanted.width, 16);
    request.writeUInt16BE(wanted.height, 18);
    socket.write(request);
    socket.write(updateRequest());
    const answer = await nextLayout(reader, (rect) => rect.reason === REASON_THIS_CLIENT);
    if (answer.status !== 0) {
      const why = RESIZE_STATUS[answer.status] ?? `status ${answer.status}`;
      throw new BoxError(502, 'RESIZE_FAILED', `The desktop was not resized: ${why}.`);
    }
    return { width: answer.width, height: answer.height };
  });
}

/** Longest time that keys and mouse are played in one go. */
const MAX_PLAY_MS = 45_000;

/**
 * Plays keys and mouse on the desktop; resolves when the VNC server has taken them. What is pressed when it breaks off
 * is let go of by the VNC server, which does so for every viewer that leaves.
 * @param mayGoOn asked before every step; breaks off by throwing.
 */
export async function playInput(
  path: string,
  steps: (size: Viewport) => InputStep[],
  mayGoOn: () => void,
): Promise<void> {
  await withConnection(
    path,
    async (reader, socket, size) => {
      for (const step of steps(size)) {
        mayGoOn();
        if (typeof step === 'number') await delay(step);
        else socket.write(step);
      }
      // Messages are taken in order: with its answer, all before have been.
      socket.write(updateRequest());
      await nextUpdate(reader, () => false);
    },
    MAX_PLAY_MS,
  );
}

interface Layout extends Viewport {
  reason: number;
  status: number;
  screenId: number;
}

async function withConnection<T>(
  path: string,
  use: (reader: SocketReader, socket: Socket, size: Viewport) => Promise<T>,
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  const socket = connect(path);
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`No answer in ${TIMEOUT_MS} ms.`)));
  const timer = setTimeout(() => socket.destroy(new Error(`Not finished in ${timeoutMs} ms.`)), timeoutMs);
  const reader = new SocketReader(socket);
  try {
    return await use(reader, socket, await handshake(reader, socket));
  } catch (error) {
    if (error instanceof BoxError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new BoxError(502, 'DESKTOP_UNAVAILABLE', `The desktop did not answer: ${text}`, { cause: error });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function handshake(reader: SocketReader, socket: Socket): Promise<Viewport> {
  const version = (await reader.take(12)).toString('latin1');
  if (!version.startsWith('RFB 003.')) throw new Error(`Not a VNC server: ${JSON.stringify(version)}`);
  socket.write(VERSION);
  const types = await reader.take((await reader.take(1)).readUInt8());
  if (!types.includes(SECURITY_NONE)) throw new Error('The VNC server wants a password.');
  socket.write(Buffer.from([SECURITY_NONE]));
  if ((await reader.take(4)).readUInt32BE() !== 0) throw new Error('The VNC server refused the connection.');
  const shared = 1;
  socket.write(Buffer.from([shared]));
  const init = await reader.take(24);
  await reader.take(init.readUInt32BE(20));
  return { width: init.readUInt16BE(0), height: init.readUInt16BE(2) };
}

/** Of one pixel, and not incremental: with those TigerVNC sends the screen layout too. */
function updateRequest(): Buffer {
  return Buffer.from([3, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
}

async function nextLayout(reader: SocketReader, wanted: (layout: Layout) => boolean): Promise<Layout> {
  for (;;) {
    const found = await nextUpdate(reader, wanted);
    if (found) return found;
  }
}

/** Reads up to the end of the next picture; answers the layout in it that is wanted. */
async function nextUpdate(
  reader: SocketReader,
  wanted: (layout: Layout) => boolean,
): Promise<Layout | undefined> {
  for (;;) {
    const type = (await reader.take(1)).readUInt8();
    if (type === 0) return readUpdate(reader, wanted);
    if (type === 3) {
      const head = await reader.take(7);
      // The extended clipboard marks its messages by a negative length.
      await reader.take(Math.abs(head.readInt32BE(3)));
    } else if (type === 1) {
      await reader.take((await reader.take(5)).readUInt16BE(3) * 6);
    } else if (type !== 2) {
      throw new Error(`Unknown VNC message ${type}.`);
    }
  }
}

async function readUpdate(
  reader: SocketReader,
  wanted: (layout: Layout) => boolean,
): Promise<Layout | undefined> {
  const count = (await reader.take(3)).readUInt16BE(1);
  let found: Layout | undefined;
  for (let i = 0; i < count; i += 1) {
    const rect = await reader.take(12);
    const [x, y] = [rect.readUInt16BE(0), rect.readUInt16BE(2)];
    const [width, height] = [rect.readUInt16BE(4), rect.readUInt16BE(6)];
    const encoding = rect.readInt32BE(8);
    if (encoding === ENCODING_EXTENDED_DESKTOP_SIZE) {
      const screens = (await reader.take(4)).readUInt8();
      const data = await reader.take(screens * 16);
      const layout = {
        width,
        height,
        reason: x,
        status: y,
        screenId: screens > 0 ? data.readUInt32BE(0) : 0,
      };
      if (wanted(layout)) found = layout;
    } else if (encoding === ENCODING_RAW) {
      await reader.take(width * height * 4);
    } else {
      throw new Error(`Unexpected VNC encoding ${encoding}.`);
    }
  }
  return found;
}
