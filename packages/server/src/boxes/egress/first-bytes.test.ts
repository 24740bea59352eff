import { expect, test } from 'vitest';
import { classify } from './first-bytes.ts';

test.each([
  ['GET / HTTP/1.1\r\n', 'http'],
  ['PRI * HTTP/2.0\r\n', 'http'],
  ['PROPFIND /x HTTP/1.1\r\n', 'http'],
  ['CONNECT evil.example:443 HTTP/1.1\r\n', 'http'],
  ['SSH-2.0-OpenSSH\r\n', 'other'],
  ['EHLO me\r\n', 'other'],
  ['\x00\x00', 'other'],
])('%j is %s', (text, kind) => {
  expect(classify(Buffer.from(text, 'latin1'))).toEqual({ kind });
});

test.each(['G', 'GET', 'GET ', 'PROPFI', 'PROPFIND '])('%j may become HTTP yet', (text) => {
  expect(['http', undefined]).toContain(classify(Buffer.from(text))?.kind);
});

test('a TLS record that holds no hello cannot be judged', () => {
  expect(classify(Buffer.from([0x16, 3, 1, 0, 1, 2]))).toEqual({ kind: 'unusable' });
  expect(classify(Buffer.from([0x16, 2, 0, 0, 1, 1]))).toEqual({ kind: 'unusable' });
  expect(classify(Buffer.from([0x16, 3]))).toBeUndefined();
});
