import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RfbFilter } from './rfb-filter.ts';
import { MAX_CLIPBOARD_BYTES, RfbViolation } from '@banata/protocol/box';

const HELLO = Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.from([1, 0])]);
const SHARED_HELLO = Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.from([1, 1])]);

const bytes = (...parts: (number | number[])[]): Buffer => Buffer.from(parts.flat());
function key(keysym: number, down: boolean): Buffer {
  return bytes(4, down ? 1 : 0, 0, 0, 0, 0, keysym >> 8, keysym & 255);
}
function qemuKey(keysym: number, keycode: number, down: boolean): Buffer {
  return bytes(255, 0, 0, down ? 1 : 0, 0, 0, keysym >> 8, keysym & 255, 0, 0, 0, keycode);
}
function pointer(mask: number, x: number, y: number): Buffer {
  return bytes(5, mask, x >> 8, x & 255, y >> 8, y & 255);
}
function cutText(text: Buffer, length = text.length): Buffer {
  const head = bytes(6, 0, 0, 0, 0, 0, 0, 0);
  head.writeInt32BE(length, 4);
  return Buffer.concat([head, text]);
}
function encodings(...list: number[]): Buffer {
  const message = Buffer.alloc(4 + 4 * list.length);
  message.writeUInt8(2, 0);
  message.writeUInt16BE(list.length, 2);
  list.forEach((encoding, index) => message.writeInt32BE(encoding, 4 + 4 * index));
  return message;
}
const UPDATE = bytes(3, 1, 0, 0, 0, 0, 5, 0, 3, 32);
const PIXELS = Buffer.alloc(20);
const FENCE = bytes(248, 0, 0, 0, 0, 0, 0, 1, 3, 9, 9, 9);
const CONTINUOUS = bytes(150, 1, 0, 0, 0, 0, 5, 0, 3, 32);
const RESIZE = Buffer.concat([bytes(251, 0, 5, 0, 3, 32, 1, 0), Buffer.alloc(16)]);
const CAPS = cutText(bytes(1, 0, 0, 1, 0, 0, 0, 0), -8);
const PROVIDE = cutText(bytes(16, 0, 0, 1, 1, 2, 3), -7);

const look = fc.constantFrom(UPDATE, PIXELS, FENCE, CONTINUOUS, encodings(7, 16, -308), CAPS);
const act = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 0xffff }), fc.boolean()).map(([sym, down]) => key(sym, down)),
  fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()).map(([code, down]) => qemuKey(97, code, down)),
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 900 }))
    .map(([m, x]) => pointer(m, x, 1)),
  fc.uint8Array({ maxLength: 40 }).map((text) => cutText(Buffer.from(text))),
  fc.constantFrom(RESIZE, PROVIDE),
);
const script = fc.array(
  fc.oneof(
    look.map((data) => ({ data, acts: false })),
    act.map((data) => ({ data, acts: true })),
  ),
);
const cuts = fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1 });

function inPieces(data: Buffer, sizes: number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < data.length; turn += 1) {
    const size = sizes[turn % sizes.length]!;
    pieces.push(data.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
function feed(filter: RfbFilter, data: Buffer, sizes: number[]): Buffer {
  return Buffer.concat(inPieces(data, sizes).map((piece) => filter.take(piece).data));
}
function opened(steers: boolean): RfbFilter {
  const filter = new RfbFilter();
  expect(filter.take(HELLO).data).toEqual(SHARED_HELLO);
  filter.setMaySteer(steers);
  return filter;
}

describe('RfbFilter', () => {
  test('lets a viewer in control through, whatever pieces its bytes come in', () => {
    fc.assert(
      fc.property(script, cuts, (messages, sizes) => {
        const sent = Buffer.concat(messages.map(({ data }) => data));
        expect(feed(opened(true), sent, sizes)).toEqual(sent);
      }),
    );
  });

  test('lets a viewer without control only look, whatever pieces its bytes come in', () => {
    fc.assert(
      fc.property(script, cuts, (messages, sizes) => {
        const sent = Buffer.concat(messages.map(({ data }) => data));
        const looks = Buffer.concat(messages.filter(({ acts }) => !acts).map(({ data }) => data));
        const filter = opened(false);
        expect(feed(filter, sent, sizes)).toEqual(looks);
        expect(filter.release()).toEqual(Buffer.alloc(0));
      }),
    );
  });

  test('what passed leaves nothing held after the lease, wherever it ends', () => {
    fc.assert(
      fc.property(script, script, cuts, (before, after, sizes) => {
        const filter = opened(true);
        const join = (list: typeof before): Buffer => Buffer.concat(list.map(({ data }) => data));
        const first = feed(filter, join(before), sizes);
        const released = filter.setMaySteer(false);
        const second = feed(filter, join(after), sizes);
        expect(heldAfter(Buffer.concat([first, released, second]))).toEqual({ keys: 0, mask: 0 });
      }),
    );
  });

  test('random bytes end in a violation or wait for more; they never pass as input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), cuts, (noise, sizes) => {
        const filter = opened(false);
        try {
          expect(heldAfter(feed(filter, Buffer.from(noise), sizes))).toEqual({ keys: 0, mask: 0 });
        } catch (error) {
          if (!(error instanceof RfbViolation)) throw error;
        }
      }),
    );
  });

  test.each([
    ['an unknown message', bytes(250, 0, 1, 2)],
    ['sound', bytes(255, 1, 0, 0)],
    ['an extended clipboard without flags', cutText(bytes(0, 0), -2)],
    ['a thousand encodings', bytes(2, 0, 4, 0)],
    ['a long fence', bytes(248, 0, 0, 0, 0, 0, 0, 0, 65)],
  ])('ends the connection at %s', (_name, message) => {
    expect(() => opened(true).take(message)).toThrow(RfbViolation);
  });

  test('ends the connection at a clipboard that is too long, before it has come', () => {
    for (const sign of [1, -1]) {
      const head = cutText(Buffer.alloc(0), sign * (MAX_CLIPBOARD_BYTES + 1));
      expect(() => opened(true).take(head)).toThrow('262144');
    }
  });

  test('refuses old versions and other security types', () => {
    expect(() => new RfbFilter().take(Buffer.from('RFB 003.003\n'))).toThrow('3.7');
    expect(() => new RfbFilter().take(Buffer.concat([Buffer.from('RFB 003.008\n'), bytes(2)]))).toThrow(
      'None',
    );
  });

  test('takes the encoding away that would change the length of pointer events', () => {
    expect(opened(true).take(encodings(7, -316, -239)).data).toEqual(encodings(7, -239));
  });

  test('tells acts from looks', () => {
    const filter = opened(true);
    expect(filter.take(UPDATE).acted).toBe(false);
    expect(filter.take(key(97, true)).acted).toBe(true);
    expect(filter.setMaySteer(false)).toEqual(key(97, false));
    expect(filter.take(key(98, true))).toEqual({ data: Buffer.alloc(0), acted: false });
  });
});

/** Reads filtered bytes as the desktop would, and counts what stays pressed. */
function heldAfter(data: Buffer): { keys: number; mask: number } {
  const keys = new Set<string>();
  let mask = 0;
  for (let at = 0; at < data.length;) {
    const type = data[at];
    if (type === 4) {
      const id = `s${data.readUInt32BE(at + 4)}`;
      if (data[at + 1]) keys.add(id);
      else keys.delete(id);
      at += 8;
    } else if (type === 255) {
      const id = `c${data.readUInt32BE(at + 8)}`;
      if (data.readUInt16BE(at + 2)) keys.add(id);
      else keys.delete(id);
      at += 12;
    } else if (type === 5) {
      mask = data[at + 1]!;
      at += 6;
    } else if (type === 6) at += 8 + Math.abs(data.readInt32BE(at + 4));
    else if (type === 0) at += 20;
    else if (type === 2) at += 4 + 4 * data.readUInt16BE(at + 2);
    else if (type === 3 || type === 150) at += 10;
    else if (type === 248) at += 9 + data[at + 8]!;
    else if (type === 251) at += 8 + 16 * data[at + 6]!;
    else throw new Error(`the desktop got message ${type}`);
  }
  return { keys: keys.size, mask };
}
