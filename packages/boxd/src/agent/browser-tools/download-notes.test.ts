import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { annotateResult } from './annotate-result.ts';
import { DownloadNotes } from './download-notes.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banata-downloads-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const OTHER_UID = -1;

test('tells of each finished download once, and not of what was there before', async () => {
  await writeFile(join(folder, 'before.txt'), 'x');
  const notes = new DownloadNotes(folder, OTHER_UID);
  expect(notes.take()).toBeNull();
  await writeFile(join(folder, 'Unconfirmed 1.crdownload'), 'half');
  expect(notes.take()).toContain('under way');
  await writeFile(join(folder, 'Unconfirmed 1.crdownload'), 'half and more');
  expect(notes.take()).toBeNull();
  await rename(join(folder, 'Unconfirmed 1.crdownload'), join(folder, 'a "b".csv'));
  expect(notes.take()).toBe(
    `### Downloads\n- A download was saved as ${JSON.stringify(join(folder, 'a "b".csv'))} (13 bytes)`,
  );
  expect(notes.take()).toBeNull();
});

test('files of the agent itself are no downloads, and no folder is none', async () => {
  const notes = new DownloadNotes(folder, process.getuid?.() ?? 0);
  await writeFile(join(folder, 'own.txt'), 'x');
  expect(notes.take()).toBeNull();
  expect(new DownloadNotes(join(folder, 'none'), OTHER_UID).take()).toBeNull();
});

test('is added to results of tools and to nothing else', () => {
  const result = (content: unknown): string =>
    `${JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content } })}\n`;
  const note = (): string => 'saved';
  expect(annotateResult(result([{ type: 'text', text: 'clicked' }]), note)).toBe(
    result([
      { type: 'text', text: 'clicked' },
      { type: 'text', text: 'saved' },
    ]),
  );
  const asked = (): never => {
    throw new Error('asked');
  };
  for (const line of [
    '{"result":{"tools":[]}}\n',
    'no "content":[ here\n',
    '{"content":[',
    '{"content":[]}\n',
  ])
    expect(annotateResult(line, asked)).toBe(line);
  expect(annotateResult(result([]), () => null)).toBe(result([]));
});
