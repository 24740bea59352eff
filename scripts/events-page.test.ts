import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventsPage } from './events-page.ts';

test('docs/events.md is what the registry says; otherwise run: node scripts/generate-docs.ts', async () => {
  expect(await readFile(join(import.meta.dirname, '../docs/events.md'), 'utf8')).toBe(eventsPage());
});
