import { expect, test } from 'vitest';
import { xAuthority } from './x-authority.ts';

test('holds one wildcard entry in the layout of libXau', () => {
  const cookie = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  const expected = `ffff 0000 0000 0012 ${Buffer.from('MIT-MAGIC-COOKIE-1').toString('hex')} 0010 ${cookie.toString('hex')}`;
  expect(xAuthority(cookie).toString('hex')).toBe(expected.replaceAll(' ', ''));
});
