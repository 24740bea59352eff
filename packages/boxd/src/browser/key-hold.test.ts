import { setTimeout as delay } from 'node:timers/promises';
import { RfbViolation } from '@banata/protocol/box';
import { expect, test } from 'vitest';
import { KeyHold } from './key-hold.ts';

const HELLO = Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.from([1, 1])]);
const POINTER = Buffer.from([5, 0, 0, 1, 0, 1]);
const [U_UMLAUT, HAN] = [0xfc, 0x01004f60];

function key(keysym: number, down = true): Buffer {
  const message = Buffer.from([4, down ? 1 : 0, 0, 0, 0, 0, 0, 0]);
  message.writeUInt32BE(keysym, 4);
  return message;
}
function qemuKey(keysym: number): Buffer {
  const message = Buffer.from([255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 30]);
  message.writeUInt32BE(keysym, 4);
  return message;
}

function holding(prepare: (keysyms: number[]) => Promise<unknown>): { hold: KeyHold; sent: () => Buffer } {
  const parts: Buffer[] = [];
  const hold = new KeyHold({ send: (data) => void parts.push(Buffer.from(data)), prepare, onDrained() {} });
  hold.take(HELLO);
  return { hold, sent: () => Buffer.concat(parts).subarray(HELLO.length) };
}

test('what an American keyboard has goes on at once, in whatever pieces it comes', () => {
  const { hold, sent } = holding(() => Promise.reject(new Error('nothing is to be prepared')));
  const data = Buffer.concat([key(0x61), POINTER, key(U_UMLAUT, false), key(0xff0d), qemuKey(0x20)]);
  for (const byte of data) hold.take(Buffer.from([byte]));
  expect(sent()).toEqual(data);
  expect(hold.isHolding).toBe(false);
});

test('a letter waits for its key, and what comes behind it waits too', async () => {
  const wanted: number[][] = [];
  const steps: (() => void)[] = [];
  const { hold, sent } = holding((keysyms) => {
    wanted.push(keysyms);
    return new Promise<void>((resolve) => steps.push(resolve));
  });
  hold.take(Buffer.concat([key(0x61), key(U_UMLAUT), key(U_UMLAUT, false), qemuKey(HAN)]));
  hold.take(POINTER);
  expect(sent()).toEqual(key(0x61));
  expect(wanted).toEqual([[U_UMLAUT, HAN]]);
  steps[0]!();
  await expect.poll(() => hold.isHolding).toBe(false);
  expect(sent()).toEqual(
    Buffer.concat([key(0x61), key(U_UMLAUT), key(U_UMLAUT, false), qemuKey(HAN), POINTER]),
  );
});

test('letters that came while others got theirs get their keys together', async () => {
  const wanted: number[][] = [];
  const { hold, sent } = holding((keysyms) => {
    wanted.push(keysyms);
    return delay(20);
  });
  for (let index = 0; index < 5; index += 1) hold.take(key(HAN + index));
  await expect.poll(() => hold.isHolding).toBe(false);
  expect(wanted).toEqual([[HAN], [1, 2, 3, 4].map((index) => HAN + index)]);
  expect(sent()).toEqual(Buffer.concat([0, 1, 2, 3, 4].map((index) => key(HAN + index))));
});

test('a burst of many letters waits for half a second, and a failure holds nothing up', async () => {
  const { hold, sent } = holding(() => delay(300).then(() => Promise.reject(new Error('no keyboard'))));
  const burst = Buffer.concat(Array.from({ length: 160 }, (_, index) => key(HAN + index)));
  const startedAt = performance.now();
  hold.take(burst);
  await expect.poll(() => hold.isHolding).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(1500);
  expect(sent()).toEqual(burst);
});

test('nothing goes on after the end, and unknown messages are refused', async () => {
  const { hold, sent } = holding(() => delay(20));
  hold.take(key(HAN));
  hold.close();
  await expect.poll(() => hold.isHolding).toBe(false);
  expect(sent()).toEqual(Buffer.alloc(0));
  expect(() => hold.take(Buffer.from([99]))).toThrow(RfbViolation);
});
