import type { Connection, Network } from '@banata-boxes/sdk';
import { expect, test } from 'vitest';
import { reachText, targetText } from './network-text.ts';

test.each<[Network['egress'], string]>([
  ['all', 'May reach the public internet.'],
  ['none', 'May reach nothing but the model gateway.'],
  [{ allow: ['pypi.org', '203.0.113.0/24'] }, 'May reach pypi.org, 203.0.113.0/24.'],
  [{ allow: [] }, 'May reach nothing.'],
  [{ deny: ['evil.example'] }, 'May reach everything, but not evil.example.'],
  [{ allow: ['*.a.example'], deny: ['b.a.example'] }, 'May reach *.a.example, but not b.a.example.'],
  [
    { allow: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `${name}.example`) },
    'May reach a.example, b.example, c.example, d.example, e.example, f.example and 2 more.',
  ],
])('%j is told as a sentence', (egress, text) => {
  expect(reachText({ egress })).toBe(text);
});

test.each<[Partial<Connection>, string]>([
  [{ host: 'pypi.org', address: '203.0.113.7', port: 443 }, 'pypi.org:443'],
  [{ host: null, address: '203.0.113.7', port: 22 }, '203.0.113.7:22'],
  [{ host: null, address: null, port: 53 }, 'an unknown place:53'],
])('%j is named by what is known of it', (connection, text) => {
  expect(targetText(connection as Connection)).toBe(text);
});
