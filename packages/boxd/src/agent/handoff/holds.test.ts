import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Holds } from './holds.ts';

let directory: string;
let errors: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banata-holds-'));
  errors = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function open(): Holds {
  const silent = (): void => undefined;
  const logger = { info: silent, warn: silent, error: (event: string) => void errors.push(event) };
  return new Holds({ path: join(directory, 'holds.json'), logger });
}

test('holds until the last request is closed, also over a restart', async () => {
  const holds = open();
  expect(holds.held).toBe(false);
  const both = [holds.set('a'.repeat(32), true), holds.set('b'.repeat(32), true)];
  await Promise.all(both);
  await holds.set('a'.repeat(32), false);
  expect(holds.held).toBe(true);
  const again = open();
  expect(again.held).toBe(true);
  await again.set('b'.repeat(32), false);
  await again.set('b'.repeat(32), false);
  expect(again.held).toBe(false);
  expect(open().held).toBe(false);
  expect(errors).toEqual([]);
});

test('a file that cannot be read holds nothing for ever, and is told of', async () => {
  await writeFile(join(directory, 'holds.json'), '["a"');
  expect(open().held).toBe(false);
  expect(errors).toEqual(['agent.holds.unreadable']);
});
