import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Viewport } from '@banata/protocol/box';
import { SocketReader } from './socket-reader.ts';
import type { KeyboardMap } from './spare-keys.ts';
import { X_COOKIE_PROTOCOL } from './x-authority.ts';

const TIMEOUT_MS = 1_000;
const LITTLE_ENDIAN = 'l'.charCodeAt(0);
const REPLY = 1;
const INTERN_ATOM = 16;
const GET_PROPERTY = 20;
const CHANGE_WINDOW_ATTRIBUTES = 2;
const GET_GEOMETRY = 14;
const CONFIGURE_NOTIFY = 22;
const ATTRIBUTE_EVENT_MASK = 1 << 11;
const STRUCTURE_NOTIFY_MASK = 1 << 17;
const QUERY_POINTER = 38;
const CHANGE_KEYBOARD_MAPPING = 100;
const GET_KEYBOARD_MAPPING = 101;
/** Longest title asked for, in units of four bytes. */
const MAX_TITLE_UNITS = 1024;

/**
 * Title of the window in front without the program's name after the last dash; undefined when no window is. Three
 * questions to the X server, see "X Window System Protocol", section 8 and appendix B, and EWMH for the names.
 */
export async function frontWindowTitle(display: string, cookie: Buffer): Promise<string | undefined> {
  return withClient(display, cookie, async (client, root) => {
    const active = await client.property(root, await client.atom('_NET_ACTIVE_WINDOW'));
    if (active.length < 4 || active.readUInt32LE() === 0) return undefined;
    const title = await client.property(active.readUInt32LE(), await client.atom('_NET_WM_NAME'));
    const text = title.toString('utf8');
    const dash = text.lastIndexOf(' - ');
    return dash < 0 ? text : text.slice(0, dash);
  });
}

/** Where the mouse is, pixels from the top left corner of the screen. */
export async function queryPointer(display: string, cookie: Buffer): Promise<{ x: number; y: number }> {
  return withClient(display, cookie, (client, root) => client.pointer(root));
}

/**
 * Changes what keys mean; all of it is done when it resolves.
 * @param choose answers the symbols that keys get, by key code. @returns whether there was something to change.
 */
export async function changeKeyboard(
  display: string,
  cookie: Buffer,
  choose: (keyboard: KeyboardMap) => ReadonlyMap<number, number>,
): Promise<boolean> {
  return withClient(display, cookie, async (client) => {
    const changes = choose(await client.keyboard());
    if (changes.size === 0) return false;
    for (const [key, keysym] of changes) client.mapKey(key, keysym);
    // With its answer, all requests before have been carried out.
    await client.keyboard();
    return true;
  });
}

async function withClient<T>(
  display: string,
  cookie: Buffer,
  use: (client: XClient, root: number) => Promise<T>,
): Promise<T> {
  // The abstract name, which only the X server can hold; a file in /tmp could be another's.
  const socket = connect(`\0/tmp/.X11-unix/X${display.slice(1)}`);
  const timer = setTimeout(() => socket.destroy(new Error('The X server did not answer.')), TIMEOUT_MS);
  try {
    const client = new XClient(socket);
    return await use(client, await client.setUp(cookie));
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** Calls back with the size of the screen, now and after each change, until the signal aborts or the X server ends. */
export async function watchScreenSize(
  display: string,
  cookie: Buffer,
  { onSize, signal }: { onSize: (size: Viewport) => void; signal: AbortSignal },
): Promise<void> {
  const socket = connect(`\0/tmp/.X11-unix/X${display.slice(1)}`);
  const end = (): void => void socket.destroy();
  signal.addEventListener('abort', end);
  try {
    const client = new XClient(socket);
    const root = await client.setUp(cookie);
    for await (const size of client.sizes(root)) onSize(size);
  } finally {
    signal.removeEventListener('abort', end);
    socket.destroy();
  }
}

class XClient {
  readonly #socket: Socket;
  readonly #reader: SocketReader;
  #firstKey = 0;
  #keyCount = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new SocketReader(socket);
  }

  /** Answers the root window of the first screen. */
  async setUp(cookie: Buffer): Promise<number> {
    const head = Buffer.alloc(12);
    head.writeUInt8(LITTLE_ENDIAN, 0);
    head.writeUInt16LE(11, 2);
    head.writeUInt16LE(X_COOKIE_PROTOCOL.length, 6);
    head.writeUInt16LE(cookie.length, 8);
    this.#socket.write(Buffer.concat([head, padded(Buffer.from(X_COOKIE_PROTOCOL)), padded(cookie)]));
    const answer = await this.#reader.take(8);
    const body = await this.#reader.take(answer.readUInt16LE(6) * 4);
    if (answer.readUInt8(0) !== 1) throw new Error('The X server refused the connection.');
    this.#firstKey = body.readUInt8(26);
    this.#keyCount = body.readUInt8(27) - this.#firstKey + 1;
    const vendor = body.readUInt16LE(16);
    const formats = body.readUInt8(21);
    return body.readUInt32LE(32 + Math.ceil(vendor / 4) * 4 + formats * 8);
  }

  async atom(name: string): Promise<number> {
    const text = padded(Buffer.from(name));
    const request = Buffer.alloc(8);
    request.writeUInt8(INTERN_ATOM, 0);
    request.writeUInt16LE(2 + text.length / 4, 2);
    request.writeUInt16LE(name.length, 4);
    const { head } = await this.#ask(Buffer.concat([request, text]));
    return head.readUInt32LE(8);
  }

  async property(window: number, property: number): Promise<Buffer> {
    const request = Buffer.alloc(24);
    request.writeUInt8(GET_PROPERTY, 0);
    request.writeUInt16LE(6, 2);
    request.writeUInt32LE(window, 4);
    request.writeUInt32LE(property, 8);
    request.writeUInt32LE(MAX_TITLE_UNITS, 20);
    const { head, value } = await this.#ask(request);
    const bytesPerUnit = head.readUInt8(1) / 8;
    return value.subarray(0, head.readUInt32LE(16) * bytesPerUnit);
  }

  /** The size of a window, and its next ones. The connection is of no other use then. */
  async *sizes(window: number): AsyncGenerator<Viewport, never> {
    const select = Buffer.alloc(16);
    select.writeUInt8(CHANGE_WINDOW_ATTRIBUTES, 0);
    select.writeUInt16LE(4, 2);
    select.writeUInt32LE(window, 4);
    select.writeUInt32LE(ATTRIBUTE_EVENT_MASK, 8);
    select.writeUInt32LE(STRUCTURE_NOTIFY_MASK, 12);
    const geometry = Buffer.alloc(8);
    geometry.writeUInt8(GET_GEOMETRY, 0);
    geometry.writeUInt16LE(2, 2);
    geometry.writeUInt32LE(window, 4);
    this.#socket.write(Buffer.concat([select, geometry]));
    for (;;) {
      const head = await this.#reader.take(32);
      const type = head.readUInt8(0) & 0x7f;
      if (type === 0) throw new Error(`The X server answered error ${head.readUInt8(1)}.`);
      if (type === REPLY) yield { width: head.readUInt16LE(16), height: head.readUInt16LE(18) };
      if (type === CONFIGURE_NOTIFY) yield { width: head.readUInt16LE(20), height: head.readUInt16LE(22) };
    }
  }

  async pointer(window: number): Promise<{ x: number; y: number }> {
    const request = Buffer.alloc(8);
    request.writeUInt8(QUERY_POINTER, 0);
    request.writeUInt16LE(2, 2);
    request.writeUInt32LE(window, 4);
    const { head } = await this.#ask(request);
    return { x: Math.max(0, head.readInt16LE(16)), y: Math.max(0, head.readInt16LE(18)) };
  }

  async keyboard(): Promise<KeyboardMap> {
    const request = Buffer.alloc(8);
    request.writeUInt8(GET_KEYBOARD_MAPPING, 0);
    request.writeUInt16LE(2, 2);
    request.writeUInt8(this.#firstKey, 4);
    request.writeUInt8(this.#keyCount, 5);
    const { head, value } = await this.#ask(request);
    const width = head.readUInt8(1);
    const symbol = (index: number): number => value.readUInt32LE(index * 4);
    const symbolsOf = (key: number): number[] =>
      Array.from({ length: width }, (_, column) => symbol(key * width + column)).filter(
        (keysym) => keysym > 0,
      );
    return new Map(
      Array.from({ length: this.#keyCount }, (_, key) => [this.#firstKey + key, symbolsOf(key)]),
    );
  }

  /** The same symbol with and without shift. */
  mapKey(key: number, keysym: number): void {
    const request = Buffer.alloc(16);
    request.writeUInt8(CHANGE_KEYBOARD_MAPPING, 0);
    request.writeUInt8(1, 1);
    request.writeUInt16LE(4, 2);
    request.writeUInt8(key, 4);
    request.writeUInt8(2, 5);
    request.writeUInt32LE(keysym, 8);
    request.writeUInt32LE(keysym, 12);
    this.#socket.write(request);
  }

  async #ask(request: Buffer): Promise<{ head: Buffer; value: Buffer }> {
    this.#socket.write(request);
    for (;;) {
      const head = await this.#reader.take(32);
      const type = head.readUInt8(0);
      if (type === 0) throw new Error(`The X server answered error ${head.readUInt8(1)}.`);
      // Events that every client gets, such as a new keyboard map.
      if (type !== REPLY) continue;
      return { head, value: await this.#reader.take(head.readUInt32LE(4) * 4) };
    }
  }
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}
