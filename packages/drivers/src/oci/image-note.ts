import { stat } from 'node:fs/promises';
import path from 'node:path';

import { readJson } from './files.ts';

/** File of a disk that says which image its writable layer belongs on. */
export const IMAGE_NOTE = 'image.json';

/** Content of {@link IMAGE_NOTE}. */
export function imageNote(layers: readonly string[]): string {
  return `${JSON.stringify({ layers })}\n`;
}

function noteOf(value: unknown): string[] | undefined {
  if (typeof value !== 'object' || value === null || !('layers' in value)) return undefined;
  const { layers } = value;
  if (!Array.isArray(layers) || layers.length === 0) return undefined;
  return layers.every((layer) => typeof layer === 'string') ? layers : undefined;
}

async function isFolder(folder: string): Promise<boolean> {
  return await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/**
 * Layers of the image that a disk's writable layer belongs on. They lie beside the present image's, as no other folder
 * of the host is ever mounted, whatever a note says.
 * @returns undefined where one of them is no longer on this host.
 */
export async function layersOfDisk(disk: string, present: readonly string[]): Promise<string[] | undefined> {
  const noted = noteOf(await readJson(path.join(disk, IMAGE_NOTE)));
  if (!noted) return undefined;
  const home = `${path.dirname(path.dirname(present[0] ?? ''))}/`;
  for (const layer of noted) {
    const known = present.includes(layer);
    const beside = path.normalize(layer) === layer && layer.startsWith(home) && home !== '//';
    if (!known && !(beside && (await isFolder(layer)))) return undefined;
  }
  return noted;
}
