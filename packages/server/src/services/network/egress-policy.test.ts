import { networkSchema } from '@banata/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EgressPolicy } from './egress-policy.ts';

const rules = (allow?: string[], deny?: string[]): EgressPolicy =>
  new EgressPolicy(
    networkSchema.parse({ egress: { ...(allow ? { allow } : {}), ...(deny ? { deny } : {}) } }),
  );

describe('names', () => {
  const policy = rules(['example.com', '*.cdn.example', '198.51.100.0/24'], ['bad.cdn.example']);

  test.each([
    ['example.com', true, 'example.com'],
    ['www.example.com', false, 'not on the allow list'],
    ['a.cdn.example', true, '*.cdn.example'],
    ['a.b.cdn.example', true, '*.cdn.example'],
    ['cdn.example', false, 'not on the allow list'],
    ['xcdn.example', false, 'not on the allow list'],
    ['example.com.evil.example', false, 'not on the allow list'],
    ['bad.cdn.example', false, 'bad.cdn.example'],
    ['198.51.100.7', false, 'not on the allow list'],
    ['', false, 'not on the allow list'],
  ])('%s: %s by %s', (name, allowed, rule) => {
    expect(policy.judgeName(name)).toEqual({ allowed, rule });
  });

  test('only a deny list leaves the rest open', () => {
    expect(rules(undefined, ['example.com']).judgeName('other.example').allowed).toBe(true);
    expect(rules(undefined, ['example.com']).judgeName('example.com').allowed).toBe(false);
    expect(rules(['*'], ['*']).judgeName('example.com').allowed).toBe(false);
  });

  test('a name that is not on the list is never allowed by what stands around it', () => {
    fc.assert(
      fc.property(fc.domain(), fc.domain(), (name, other) => {
        fc.pre(name !== other && !name.endsWith(`.${other}`));
        expect(rules([other, `*.${other}`]).judgeName(name).allowed).toBe(false);
      }),
    );
  });
});

test('addresses: blocks allow, blocks deny, denial wins', () => {
  const policy = rules(['11.0.0.0/8'], ['11.2.0.0/16']);
  expect(policy.judgeAddress('11.1.2.3')).toEqual({ allowed: true, rule: '11.0.0.0/8' });
  expect(policy.judgeAddress('11.2.2.3')).toEqual({ allowed: false, rule: '11.2.0.0/16' });
  expect(policy.judgeAddress('12.1.2.3').allowed).toBe(false);
  expect(policy.allowedBlock('11.2.2.3')).toBeUndefined();
});

test('the kernel gets blocks only, and the proxy only what names decide', () => {
  expect(rules(['11.0.0.0/8'], ['11.2.0.0/16']).toBoxNetwork()).toEqual({
    egress: 'rules',
    proxied: false,
    open: ['11.0.0.0/8'],
    closed: ['11.2.0.0/16'],
    hostPorts: false,
  });
  expect(rules(undefined, ['11.2.0.0/16']).toBoxNetwork()).toMatchObject({
    proxied: false,
    open: ['0.0.0.0/0'],
  });
  expect(rules(undefined, ['example.com']).toBoxNetwork()).toMatchObject({ proxied: true, open: [] });
  expect(rules(['host.banata.internal']).toBoxNetwork()).toMatchObject({ hostPorts: true, open: [] });
  expect(rules([]).toBoxNetwork()).toMatchObject({ proxied: false, open: [], hostPorts: false });
});

test.each([
  ['EXAMPLE.com', true],
  ['*.example.com', true],
  ['*', true],
  ['203.0.113.0/24', true],
  ['203.0.113.7', true],
  ['xn--bcher-kva.example', true],
  ['http://example.com', false],
  ['example.com:443', false],
  ['example.com/path', false],
  ['*.*.example.com', false],
  ['a*.example.com', false],
  ['203.0.113.0/33', false],
  ['203.0.113', false],
  ['256.0.0.1', false],
  ['::1', false],
  ['2001:db8::/32', false],
  ['', false],
  ['.', false],
  ['bücher.example', false],
])('the rule %j is accepted: %s', (rule, accepted) => {
  expect(networkSchema.safeParse({ egress: { allow: [rule] } }).success).toBe(accepted);
});
