import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { settingsSchema } from '@banata/config';
import { expect, test } from 'vitest';
import { configurationPage } from './configuration-page.ts';

test('docs/configuration.md is what the schema says; otherwise run: node scripts/generate-docs.ts', async () => {
  const page = await readFile(join(import.meta.dirname, '../docs/configuration.md'), 'utf8');
  expect(page).toBe(configurationPage());
});

test('every setting has a section with a description', () => {
  const page = configurationPage();
  for (const [name, schema] of Object.entries(settingsSchema.shape)) {
    expect(schema.description, name).toBeTruthy();
    expect(page).toContain(`## \`${name}\`\n\n${schema.description ?? ''}\n\n- `);
  }
});
