import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from './program.ts';

const program = createProgram({ root: '/', env: {}, signal: new AbortController().signal });
const documents = ['help.txt', '../../../docs/cli.md'];

test.each(documents)('%s names every command', async (path) => {
  const text = await readFile(join(import.meta.dirname, path), 'utf8');
  for (const command of program.commands) {
    const names = command.commands.map((sub) => `${command.name()} ${sub.name()}`);
    for (const name of names.length > 0 ? names : [command.name()])
      expect(text).toMatch(new RegExp(`^(  |\\| \`)${name}\\b`, 'm'));
  }
});

test('the help of the program is the one that the start script prints', async () => {
  expect(program.helpInformation()).toBe(await readFile(join(import.meta.dirname, 'help.txt'), 'utf8'));
});

test('every command describes itself', () => {
  for (const command of program.commands) expect(command.description(), command.name()).not.toBe('');
});

test('the version is that of the package', async () => {
  const manifest = await readFile(join(import.meta.dirname, '../package.json'), 'utf8');
  expect(program.version()).toBe((JSON.parse(manifest) as { version: string }).version);
});
