import type { ByteRange } from '@banata/protocol/box';
import { newId } from '@banata/protocol';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { Digest } from './digest.ts';
import { requireObjectKey } from './object-key.ts';
import {
  ObjectMissingError,
  type ObjectHead,
  type ObjectStore,
  type PutOptions,
  type StoredObject,
} from './object-store.ts';
import { storeUnavailable } from './store-unavailable.ts';

/** Objects being written. No part of a key begins with a dot. */
const DRAFTS = '.drafts';
/** Nobody takes this long to write the next piece. */
const STALE_MS = 60 * 60_000;
const MAX_LIST = 1_000;
const RENAME_TRIES = 5;
/** A disk that is broken, or whose server is away. */
const UNAVAILABLE = new Set(['EIO', 'EROFS', 'ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT']);

/** Objects as files below a folder; the path is the key. They have no content type of their own. */
export class LocalObjectStore implements ObjectStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async put(key: string, body: Readable, { signal }: PutOptions = {}): Promise<StoredObject> {
    const path = this.#path(key);
    const draft = join(this.#root, DRAFTS, newId());
    try {
      return await guarded(async () => {
        await mkdir(dirname(draft), { recursive: true });
        const stored = await writeDraft(draft, body, signal);
        await moveInto(draft, path);
        return stored;
      });
    } catch (error) {
      body.destroy();
      await rm(draft, { force: true });
      signal?.throwIfAborted();
      throw error;
    }
  }

  async get(
    key: string,
    { range }: { range?: ByteRange; signal?: AbortSignal } = {},
  ): Promise<{ body: Readable; size: number }> {
    const path = this.#path(key);
    return guarded(async () => {
      const file = await openObject(key, path);
      try {
        const { size } = await file.stat();
        return { size, body: createReadStream('', { fd: file, ...range }) };
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const path = this.#path(key);
    return guarded(async () => {
      const found = await stat(path).catch(absent);
      return found?.isFile() ? { size: found.size } : undefined;
    });
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    await guarded(async () => {
      await rm(path, { force: true });
      for (let folder = dirname(path); folder !== this.#root; folder = dirname(folder)) {
        // Not empty: it has other objects.
        if (
          !(await rmdir(folder).then(
            () => true,
            () => false,
          ))
        )
          break;
      }
    });
  }

  async list(
    prefix: string,
    { cursor, limit = MAX_LIST }: { cursor?: string; limit?: number } = {},
  ): Promise<{ items: { key: string; size: number }[]; cursor?: string }> {
    const most = Math.min(limit, MAX_LIST);
    return guarded(async () => {
      const items: { key: string; size: number }[] = [];
      for await (const key of this.#walk('', prefix, cursor)) {
        const found = await stat(join(this.#root, key)).catch(absent);
        if (!found) continue;
        if (items.length === most) return { items, cursor: items.at(-1)?.key ?? key };
        items.push({ key, size: found.size });
      }
      return { items };
    });
  }

  /** Keys below a folder (empty, or ending in `/`) that begin with `prefix` and come after `cursor`, in order. */
  async *#walk(folder: string, prefix: string, cursor: string | undefined): AsyncGenerator<string, void> {
    const entries = (await readdir(join(this.#root, folder), { withFileTypes: true }).catch(absent)) ?? [];
    const names = entries
      .filter((entry) => !entry.name.startsWith('.') && (entry.isFile() || entry.isDirectory()))
      // With its slash, as it stands in keys: "a-b" comes before "a/b".
      .map((entry) => folder + entry.name + (entry.isDirectory() ? '/' : ''))
      .sort();
    for (const name of names) {
      if (!name.endsWith('/')) {
        if (name.startsWith(prefix) && (cursor === undefined || name > cursor)) yield name;
      } else if (name.startsWith(prefix) || prefix.startsWith(name)) {
        if (cursor === undefined || cursor < name || cursor.startsWith(name))
          yield* this.#walk(name, prefix, cursor);
      }
    }
  }

  /** Removes what a server that was killed had begun to write. */
  async removeStaleDrafts(): Promise<void> {
    const folder = join(this.#root, DRAFTS);
    for (const name of (await readdir(folder).catch(absent)) ?? []) {
      const found = await stat(join(folder, name)).catch(absent);
      // Another server may share the folder and be writing.
      if (found && Date.now() - found.mtimeMs > STALE_MS) await rm(join(folder, name), { force: true });
    }
  }

  #path(key: string): string {
    return join(this.#root, requireObjectKey(key));
  }
}

async function writeDraft(
  draft: string,
  body: Readable,
  signal: AbortSignal | undefined,
): Promise<StoredObject> {
  const digest = new Digest();
  await using file = await open(draft, 'wx', 0o600);
  for await (const chunk of digest.pass(body, signal)) await writeAll(file, chunk);
  signal?.throwIfAborted();
  await file.sync();
  return digest.finish();
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength;) at += (await file.write(chunk, at)).bytesWritten;
}

/** Puts a finished draft in its place, so that it is there after a crash of the machine too. */
async function moveInto(draft: string, path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await mkdir(dirname(path), { recursive: true });
      await rename(draft, path);
      break;
    } catch (error) {
      // A deletion beside this removed the folder, which was empty.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === RENAME_TRIES) throw error;
    }
  }
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}

async function openObject(key: string, path: string): Promise<FileHandle> {
  const file = await open(path, 'r').catch(absent);
  if (!file) throw new ObjectMissingError(key);
  return file;
}

function absent(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined || code === undefined || !UNAVAILABLE.has(code)) throw error;
    throw storeUnavailable(error);
  }
}
