import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { formatCidr, overlaps, parseCidr } from './cidr.ts';
import type { Cidr } from './cidr.ts';
import { claimHostRange, MAX_SLOTS, RANGE_SIZE, releaseHostRange } from './claims.ts';
import type { Claim, ClaimRequest } from './claims.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'banata-claims-'));
});

afterEach(async () => await rm(folder, { recursive: true, force: true }));

async function claim(instanceId: string, options: Partial<ClaimRequest> = {}): Promise<Claim> {
  return await claimHostRange({
    instanceId,
    folder,
    subnet: undefined,
    previous: undefined,
    taken: [],
    ...options,
  });
}

function block(text: string): Cidr {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`not a block: ${text}`);
  return parsed;
}

test('gives installations ids and subnets that do not overlap, until none is left', async () => {
  const claims: Claim[] = [];
  for (let index = 0; index < 63; index += 1)
    claims.push(await claim(`inst${String(index).padStart(2, '0')}`));
  const idsOf = ({ firstId }: Claim): Cidr => ({
    first: firstId,
    last: firstId + MAX_SLOTS * RANGE_SIZE - 1,
    prefix: 0,
  });
  for (const [index, one] of claims.entries()) {
    for (const other of claims.slice(index + 1)) {
      expect(overlaps(one.subnet, other.subnet) || overlaps(idsOf(one), idsOf(other))).toBe(false);
    }
    expect(idsOf(one).last).toBeLessThan(2 ** 32 - 1);
  }
  await expect(claim('onmore')).rejects.toMatchObject({ code: 'HOST_UNSUITABLE' });
  expect(await releaseHostRange(folder, 'inst07')).toBe(false);
  await expect(claim('onmore')).resolves.toMatchObject({ slots: MAX_SLOTS });
});

test('gives an installation the same again', async () => {
  const first = await claim('abcdef');
  expect(await claim('abcdef')).toEqual(first);
  expect(await releaseHostRange(folder, 'abcdef')).toBe(true);
  expect(await claim('abcdef', { previous: (first.block + 5) % 63 })).toMatchObject({
    block: (first.block + 5) % 63,
  });
});

test('avoids subnets that the host uses', async () => {
  const preferred = await claim('abcdef');
  await releaseHostRange(folder, 'abcdef');
  const other = await claim('abcdef', { taken: [preferred.subnet] });
  expect(overlaps(other.subnet, preferred.subnet)).toBe(false);
  const wide = { taken: [block('10.0.0.0/8')] };
  await expect(claim('fedcba', wide)).rejects.toThrow(
    /No subnet for boxes is free .* the host uses 10.0.0.0\/8/,
  );
});

test('takes the subnet of the operator, also out of a wider route, but not one of an interface', async () => {
  const wide = { subnet: '10.50.0.0/24', taken: [block('10.0.0.0/8')] };
  const mine = await claim('abcdef', wide);
  expect(formatCidr(mine.subnet)).toBe('10.50.0.0/24');
  expect(mine.slots).toBe(63);
  const clash = { subnet: '10.50.0.0/24', taken: [block('10.50.0.9')] };
  await expect(claim('fedcba', clash)).rejects.toThrow(/overlaps what the host uses/);
});
