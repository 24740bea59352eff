/** Client messages of RFB that pass (RFC 6143, 7.5, and the community specification “rfbproto”). */
export const RFB = {
  setPixelFormat: 0,
  setEncodings: 2,
  updateRequest: 3,
  keyEvent: 4,
  pointerEvent: 5,
  clientCutText: 6,
  continuousUpdates: 150,
  fence: 248,
  setDesktopSize: 251,
  qemu: 255,
} as const;

const FIXED_LENGTH: Readonly<Record<number, number>> = {
  [RFB.setPixelFormat]: 20,
  [RFB.updateRequest]: 10,
  [RFB.keyEvent]: 8,
  [RFB.pointerEvent]: 6,
  [RFB.continuousUpdates]: 10,
};
/** Bytes at the beginning of the others that tell how long they are. */
const HEAD_LENGTH: Readonly<Record<number, number>> = {
  [RFB.setEncodings]: 4,
  [RFB.clientCutText]: 8,
  [RFB.fence]: 9,
  [RFB.setDesktopSize]: 8,
  [RFB.qemu]: 2,
};

/** The clipboard's longest message, bytes; Xvnc takes no longer text either (`MaxCutText`). */
export const MAX_CLIPBOARD_BYTES = 256 * 1024;
const MAX_ENCODINGS = 256;
const MAX_FENCE_BYTES = 64;
const MAX_SCREENS = 16;

/** With it a pointer event has a length that depends on what the server said; not offered, so that each has one. */
const EXTENDED_MOUSE_BUTTONS = -316;
/** Flag of the extended clipboard: what both sides can do, without any text. */
const CLIPBOARD_CAPS = 1 << 24;

/** What a viewer sent that ends its connection; `message` is the reason it is told. */
export class RfbViolation extends Error {
  /** Close code of the WebSocket (RFC 6455, 7.4). */
  readonly closeCode: number;

  constructor(message: string, closeCode = 1008) {
    super(message);
    this.name = 'RfbViolation';
    this.closeCode = closeCode;
  }
}

/**
 * Length of the message that begins a buffer; undefined while too little of it is there to tell.
 * @throws {RfbViolation} for messages that are unknown or too long.
 */
export function messageLength(data: Buffer): number | undefined {
  const [type] = data;
  if (type === undefined) return undefined;
  const fixed = FIXED_LENGTH[type];
  if (fixed !== undefined) return fixed;
  const head = HEAD_LENGTH[type];
  if (head === undefined) throw new RfbViolation(`RFB message ${type} is not taken.`);
  return data.length < head ? undefined : head + bodyLength(type, data);
}

/** The same SetEncodings message without the encoding that would change the length of pointer events. */
export function plainEncodings(message: Buffer): Buffer {
  const kept: number[] = [];
  for (let at = 4; at < message.length; at += 4) {
    const encoding = message.readInt32BE(at);
    if (encoding !== EXTENDED_MOUSE_BUTTONS) kept.push(encoding);
  }
  const rewritten = Buffer.alloc(4 + 4 * kept.length);
  rewritten.writeUInt8(RFB.setEncodings, 0);
  rewritten.writeUInt16BE(kept.length, 2);
  kept.forEach((encoding, index) => rewritten.writeInt32BE(encoding, 4 + 4 * index));
  return rewritten;
}

/** Whether a ClientCutText only says what the viewer's clipboard can do. */
export function isClipboardCaps(message: Buffer): boolean {
  if (message.readInt32BE(4) >= 0) return false;
  const actions = message.readUInt32BE(8) & 0xff000000;
  return actions === CLIPBOARD_CAPS;
}

/** Key and press of a KeyEvent or of QEMU's; `id` is the same for press and release. */
export function keyOf(message: Buffer): { id: string; down: boolean; release: Buffer } {
  const release = Buffer.from(message);
  if (message[0] === RFB.keyEvent) {
    release.writeUInt8(0, 1);
    return { id: `keysym:${message.readUInt32BE(4)}`, down: message.readUInt8(1) !== 0, release };
  }
  release.writeUInt16BE(0, 2);
  // The symbol may be another at the release, when shift was let go before.
  return { id: `keycode:${message.readUInt32BE(8)}`, down: message.readUInt16BE(2) !== 0, release };
}

/** A pointer event without buttons at the place of another. */
export function pointerRelease(message: Buffer): Buffer {
  const release = Buffer.from(message);
  release.writeUInt8(0, 1);
  return release;
}

function bodyLength(type: number, data: Buffer): number {
  switch (type) {
    case RFB.setEncodings:
      return 4 * bounded(data.readUInt16BE(2), MAX_ENCODINGS, 'encodings');
    case RFB.clientCutText:
      return clipboardLength(data);
    case RFB.fence:
      return bounded(data.readUInt8(8), MAX_FENCE_BYTES, 'bytes of a fence');
    case RFB.setDesktopSize:
      return 16 * bounded(data.readUInt8(6), MAX_SCREENS, 'screens');
    default:
      return qemuLength(data.readUInt8(1));
  }
}

function bounded(count: number, most: number, what: string): number {
  if (count > most) throw new RfbViolation(`More than ${most} ${what} are not taken.`);
  return count;
}

function clipboardLength(data: Buffer): number {
  // The extended clipboard marks its messages by a negative length.
  const length = data.readInt32BE(4);
  const bytes = Math.abs(length);
  if (bytes > MAX_CLIPBOARD_BYTES)
    throw new RfbViolation(`The clipboard takes at most ${MAX_CLIPBOARD_BYTES} bytes.`, 1009);
  if (length < 0 && bytes < 4) throw new RfbViolation('The clipboard message is too short.');
  return bytes;
}

function qemuLength(subtype: number): number {
  // 0 is the extended key event; the others are sound, which nobody offered.
  if (subtype !== 0) throw new RfbViolation(`QEMU message ${subtype} is not taken.`);
  return 10;
}
