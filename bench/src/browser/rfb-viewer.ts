import { once } from 'node:events';
import { WebSocket } from 'ws';

const RAW = 0;
const ZRLE = 16;

/** One picture, or part of it, as the desktop sent it. */
export interface RfbUpdate {
  /** Raw pixels (BGRX) of the first rectangle; undefined where they are packed. */
  pixels: Buffer | undefined;
  bytes: number;
}

/** A plain RFB client over a WebSocket (RFC 6143): what noVNC does, without a page. */
export class RfbViewer {
  readonly #socket: WebSocket;
  readonly #packed: boolean;
  #data = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  width = 0;
  height = 0;
  /** Text that came last from the clipboard of the desktop. */
  clipboard: string | undefined;
  /** How the connection ended. */
  closed: { code: number; reason: string } | undefined;

  private constructor(socket: WebSocket, packed: boolean) {
    this.#socket = socket;
    this.#packed = packed;
    socket.on('message', (data) => {
      this.#data = Buffer.concat([this.#data, data as Buffer]);
      this.#wake?.();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#wake?.();
    });
    socket.on('error', () => socket.terminate());
  }

  /** @param options.packed asks for ZRLE, whose pixels are skipped. Default: raw pixels. */
  static async connect(url: string, options: { packed?: boolean } = {}): Promise<RfbViewer> {
    const socket = new WebSocket(url, 'binary', { perMessageDeflate: false });
    const viewer = new RfbViewer(socket, options.packed ?? false);
    await once(socket, 'open');
    await viewer.#handshake();
    return viewer;
  }

  key(keysym: number, down: boolean): void {
    const message = Buffer.alloc(8);
    message.writeUInt8(4, 0);
    message.writeUInt8(down ? 1 : 0, 1);
    message.writeUInt32BE(keysym, 4);
    this.#socket.send(message);
  }

  press(keysym: number): void {
    this.key(keysym, true);
    this.key(keysym, false);
  }

  pointer(x: number, y: number, mask = 0): void {
    const message = Buffer.alloc(6);
    message.writeUInt8(5, 0);
    message.writeUInt8(mask, 1);
    message.writeUInt16BE(x, 2);
    message.writeUInt16BE(y, 4);
    this.#socket.send(message);
  }

  cutText(text: string): void {
    const message = Buffer.alloc(8 + text.length);
    message.writeUInt8(6, 0);
    message.writeUInt32BE(text.length, 4);
    message.write(text, 8, 'latin1');
    this.#socket.send(message);
  }

  sendRaw(data: Buffer): void {
    this.#socket.send(data);
  }

  /** Asks for what changed in a part of the desktop, or for all of it. */
  request(area: { x: number; y: number; width: number; height: number }, incremental: boolean): void {
    const message = Buffer.alloc(10);
    message.writeUInt8(3, 0);
    message.writeUInt8(incremental ? 1 : 0, 1);
    message.writeUInt16BE(area.x, 2);
    message.writeUInt16BE(area.y, 4);
    message.writeUInt16BE(area.width, 6);
    message.writeUInt16BE(area.height, 8);
    this.#socket.send(message);
  }

  /** The next picture; rejects when the connection ends first. */
  async update(): Promise<RfbUpdate> {
    for (;;) {
      const type = (await this.#take(1)).readUInt8();
      if (type === 0) return this.#readUpdate();
      if (type === 3) {
        const length = (await this.#take(7)).readInt32BE(3);
        this.clipboard = (await this.#take(Math.abs(length))).toString('latin1');
      } else if (type === 1) await this.#take((await this.#take(5)).readUInt16BE(3) * 6);
      else if (type !== 2) throw new Error(`The desktop sent message ${type}.`);
    }
  }

  close(): void {
    this.#socket.close();
  }

  async #readUpdate(): Promise<RfbUpdate> {
    const count = (await this.#take(3)).readUInt16BE(1);
    const update: RfbUpdate = { pixels: undefined, bytes: 0 };
    for (let index = 0; index < count; index += 1) {
      const rect = await this.#take(12);
      const encoding = rect.readInt32BE(8);
      const raw = encoding === RAW;
      if (!raw && encoding !== ZRLE) throw new Error(`The desktop sent encoding ${encoding}.`);
      const length = raw
        ? rect.readUInt16BE(4) * rect.readUInt16BE(6) * 4
        : (await this.#take(4)).readUInt32BE();
      const data = await this.#take(length);
      if (raw) update.pixels ??= data;
      update.bytes += length;
    }
    return update;
  }

  async #handshake(): Promise<void> {
    await this.#take(12);
    this.#socket.send(Buffer.from('RFB 003.008\n'));
    await this.#take((await this.#take(1)).readUInt8());
    this.#socket.send(Buffer.from([1]));
    await this.#take(4);
    this.#socket.send(Buffer.from([1]));
    const init = await this.#take(24);
    this.width = init.readUInt16BE(0);
    this.height = init.readUInt16BE(2);
    await this.#take(init.readUInt32BE(20));
    const encodings = Buffer.alloc(8);
    encodings.writeUInt8(2, 0);
    encodings.writeUInt16BE(1, 2);
    encodings.writeInt32BE(this.#packed ? ZRLE : RAW, 4);
    this.#socket.send(encodings);
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#data.length < length) {
      if (this.closed) throw new Error(`The connection ended: ${this.closed.code} ${this.closed.reason}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const piece = this.#data.subarray(0, length);
    this.#data = this.#data.subarray(length);
    return piece;
  }
}
