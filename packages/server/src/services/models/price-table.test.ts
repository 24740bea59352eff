import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withEstimate } from './estimate-usage.ts';
import { PriceTable } from './price-table.ts';
import { cappedWait } from './retry-after.ts';
import type { TokenUsage } from './usage-meter.ts';

const used: TokenUsage = {
  model: 'acme/main-1-2026',
  inputTokens: 1_000_000,
  outputTokens: 100_000,
  cacheReadTokens: 400_000,
  cacheWriteTokens: 100_000,
  costUsd: null,
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banata-prices-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('what the provider says goes before the table', () => {
  const table = new PriceTable({ 'acme/main-1': { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 } });
  expect(table.costOf({ ...used, costUsd: 0.25 }, ['acme/main-1'])).toBe(0.25);
  expect(table.costOf(used, ['acme/main-1', null])).toBeCloseTo(0.5 * 3 + 0.4 * 0.3 + 0.1 * 3.75 + 0.1 * 15);
  expect(table.costOf(used, ['acme/other', null])).toBeNull();
  const plain = new PriceTable({ 'acme/main-1-2026': { input: 1, output: 10 } });
  expect(plain.costOf(used, ['acme/main-1', 'acme/main-1-2026'])).toBeCloseTo(2);
});

test('the table is read from a file, and what is wrong with it is said', async () => {
  const file = join(folder, 'prices.json');
  await writeFile(file, '{"acme/main-1":{"input":1,"output":2}}');
  expect((await PriceTable.load(file)).costOf(used, ['acme/main-1'])).toBeCloseTo(1.2);
  expect((await PriceTable.load(undefined)).costOf(used, ['acme/main-1'])).toBeNull();
  await writeFile(file, '{"acme/main-1":{"input":-1,"output":2}}');
  await expect(PriceTable.load(file)).rejects.toThrow(/BANATA_MODEL_PRICES_FILE.*\n?.*acme\/main-1/s);
  await expect(PriceTable.load(join(folder, 'none'))).rejects.toThrow('cannot be read as JSON');
});

const call = {
  operation: 'chat/completions',
  status: 200,
  requestBytes: 4000,
  replyBytes: 640,
  isStream: true,
};
const unknown = { ...used, inputTokens: null, outputTokens: null };

test('an answer without figures is counted by its length', () => {
  expect(withEstimate(used, call)).toMatchObject({ inputTokens: 1_000_000, isEstimate: false });
  expect(withEstimate(unknown, call)).toMatchObject({
    inputTokens: 1000,
    outputTokens: 20,
    isEstimate: true,
  });
  expect(withEstimate(unknown, { ...call, isStream: false }).outputTokens).toBe(160);
  expect(withEstimate(unknown, { ...call, status: 500 })).toMatchObject({
    inputTokens: null,
    isEstimate: false,
  });
  expect(withEstimate(unknown, { ...call, operation: 'models' }).isEstimate).toBe(false);
});

test.each([
  ['retry-after', '20', '20'],
  ['retry-after', '3601', '3600'],
  ['retry-after', '99999999999999', '3600'],
  ['retry-after', 'Thu, 01 Jan 2026 00:30:00 GMT', 'Thu, 01 Jan 2026 00:30:00 GMT'],
  ['retry-after', 'Thu, 01 Jan 2037 00:00:00 GMT', '3600'],
  ['retry-after', 'soon', undefined],
  ['retry-after-ms', '1500', '1500'],
  ['retry-after-ms', '1e9', undefined],
  ['retry-after-ms', '99999999999', '3600000'],
])('%s: %s becomes %s', (name, value, kept) => {
  expect(cappedWait(name, value, Date.parse('2026-01-01T00:00:00Z'))).toBe(kept);
});
