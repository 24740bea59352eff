import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { newId } from '@banata/protocol';

export interface StoredObject {
  key: string;
  size: number;
  sha256: string;
}

/** Content that outlives sandboxes, on the local disk. Keys are made here, so that no caller's text becomes a path. */
export class LocalObjectStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Stores a stream of at most `maxBytes`; whole or not at all. Aborts the source when it is longer. */
  async put(
    content: AsyncIterable<Uint8Array>,
    options: { maxBytes: number; signal: AbortSignal },
  ): Promise<StoredObject> {
    const id = newId();
    const key = `${id.slice(0, 2)}/${id}`;
    const path = this.#path(key);
    const draft = `${path}.part`;
    await mkdir(dirname(path), { recursive: true });
    try {
      const { size, sha256 } = await writeAll(draft, content, options);
      await rename(draft, path);
      return { key, size, sha256 };
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** Bytes `start` to `end`, both inclusive; the whole object by default. */
  read(key: string, range?: { start: number; end: number }): Readable {
    return createReadStream(this.#path(key), range);
  }

  async delete(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  #path(key: string): string {
    if (!/^[a-z0-9]{2}\/[a-z0-9]{32}$/.test(key)) throw new Error(`not an object key: ${key}`);
    return join(this.#root, key);
  }
}

async function writeAll(
  path: string,
  content: AsyncIterable<Uint8Array>,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  await using file = await open(path, 'wx');
  for await (const chunk of content) {
    signal.throwIfAborted();
    size += chunk.byteLength;
    if (size > maxBytes) throw new RangeError(`the content is longer than ${maxBytes} bytes`);
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  await file.sync();
  return { size, sha256: hash.digest('hex') };
}
