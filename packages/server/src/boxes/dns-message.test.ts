import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DNS_CODES, emptyReply, readAddresses, readQuestion } from './dns-message.ts';

function name(text: string): Buffer {
  const labels = text
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function query(text: string, type = 1): Buffer {
  return Buffer.concat([
    Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    name(text),
    Buffer.from([0, type, 0, 1]),
  ]);
}

function reply(text: string, records: Buffer[]): Buffer {
  const head = query(text);
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, ...records]);
}

const address = (bytes: number[], ttl: number): Buffer =>
  Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, ...bytes]);

test('reads the question in lowercase', () => {
  expect(readQuestion(query('WWW.Example'))).toMatchObject({ name: 'www.example', type: 1 });
});

test('reads addresses behind an alias, and the least time to live', () => {
  const alias = Buffer.concat([
    Buffer.from([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9]),
    Buffer.from([0, 3]),
    Buffer.from([1, 0x78, 0]),
  ]);
  expect(
    readAddresses(reply('a.example', [alias, address([11, 0, 0, 1], 30), address([11, 0, 0, 2], 20)])),
  ).toEqual({
    addresses: ['11.0.0.1', '11.0.0.2'],
    ttlSeconds: 9,
  });
});

test('a dot within a label is no dot of a name', () => {
  const tricky = Buffer.concat([
    query('x').subarray(0, 12),
    Buffer.from([9]),
    Buffer.from('a.example'),
    Buffer.from([0, 0, 1, 0, 1]),
  ]);
  expect(readQuestion(tricky)).toBeUndefined();
});

test('names that point in circles are no names', () => {
  const circle = Buffer.concat([query('x').subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
  expect(readQuestion(circle)).toBeUndefined();
});

test('several questions are refused', () => {
  const two = query('a.example');
  two.writeUInt16BE(2, 4);
  expect(readQuestion(two)).toBeUndefined();
});

test('an empty reply repeats the question with the code', () => {
  const refused = emptyReply(query('a.example'), DNS_CODES.refused);
  expect(readQuestion(refused)?.name).toBe('a.example');
  expect(refused.readUInt16BE(0)).toBe(0x1234);
  expect(refused.readUInt8(2) & 0x80).toBe(0x80);
  expect(refused.readUInt8(3) & 0xf).toBe(DNS_CODES.refused);
});

test('bytes of an attacker never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 120 }), (bytes) => {
      const message = Buffer.from(bytes);
      readQuestion(message);
      readAddresses(message);
      expect(emptyReply(message, DNS_CODES.refused).length).toBeGreaterThanOrEqual(12);
    }),
  );
});
