import { open } from 'node:fs/promises';
import { ImageError } from '../image-error.ts';
import type { LayerEntry } from './layer-entries.ts';
import { encodeTarHeader, tarEnd, tarPadding } from './tar-header.ts';

const CHUNK = 1024 * 1024;

/**
 * The bytes of a layer's tar.
 * @throws ImageError `EXPORT_FAILED` when a file changes its size meanwhile.
 */
export async function* layerTar(entries: Iterable<LayerEntry>): AsyncGenerator<Buffer> {
  for (const { header, source } of entries) {
    yield encodeTarHeader(header);
    if (source === undefined || header.size === 0) continue;
    yield* fileContent(source, header.size);
    yield tarPadding(header.size);
  }
  yield tarEnd();
}

async function* fileContent(path: string, size: number): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    let left = size;
    while (left > 0) {
      const wanted = Math.min(CHUNK, left);
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted);
      if (bytesRead === 0)
        throw new ImageError('EXPORT_FAILED', `The file ${path} became shorter while it was read.`);
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
