import type { FileHandle } from 'node:fs/promises';

/** Pieces of a body are gathered to this many bytes: each call of the system costs as much as copying them. */
const BATCH_BYTES = 1024 * 1024;

/**
 * Writes pieces one after the other to a file. The next ones are taken in while the last ones are written, so that at
 * most two batches are held.
 */
export async function writeBatches(handle: FileHandle, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  let batch: Uint8Array[] = [];
  let size = 0;
  let writing = Promise.resolve();
  try {
    for await (const piece of pieces) {
      batch.push(piece);
      size += piece.byteLength;
      if (size < BATCH_BYTES) continue;
      await writing;
      writing = writeAll(handle, batch, size);
      // It is awaited before the next one; till then it must not be an unhandled one.
      writing.catch(() => undefined);
      batch = [];
      size = 0;
    }
  } finally {
    await writing;
  }
  if (size > 0) await writeAll(handle, batch, size);
}

async function writeAll(handle: FileHandle, batch: Uint8Array[], size: number): Promise<void> {
  let written = (await handle.writev(batch)).bytesWritten;
  if (written === size) return;
  // A disk that fills up takes a part first.
  const whole = Buffer.concat(batch);
  while (written < size) written += (await handle.write(whole, written)).bytesWritten;
}
