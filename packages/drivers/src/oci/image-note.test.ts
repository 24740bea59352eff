import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { IMAGE_NOTE, imageNote, layersOfDisk } from './image-note.ts';

let home: string;
let present: string[];

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-note-'));
  present = ['a-1', 'b-1'].map((name) => path.join(home, 'layers', name, 'rootfs'));
  for (const layer of [...present, path.join(home, 'layers/a-0/rootfs'), path.join(home, 'other/rootfs')])
    await mkdir(layer, { recursive: true });
});

afterEach(async () => await rm(home, { recursive: true, force: true }));

async function noted(text: string): Promise<string[] | undefined> {
  await writeFile(path.join(home, IMAGE_NOTE), text);
  return await layersOfDisk(home, present);
}

test('finds the present image, and an older one beside it', async () => {
  expect(await noted(imageNote(present))).toEqual(present);
  const older = [path.join(home, 'layers/a-0/rootfs'), present[1] ?? ''];
  expect(await noted(imageNote(older))).toEqual(older);
});

test.each([
  ['a layer that is gone', () => imageNote([path.join(home, 'layers/gone/rootfs')])],
  ['a folder elsewhere', () => imageNote([path.join(home, 'other/rootfs')])],
  ['a way out', () => imageNote([`${home}/layers/../other/rootfs`])],
  ['the host', () => imageNote(['/etc'])],
  ['no layers', () => '{"layers":[]}'],
  ['no JSON', () => 'x'],
  ['nothing', () => '{}'],
])('mounts nothing for %s', async (_, text) => {
  expect(await noted(text())).toBeUndefined();
});
