import { newId, type ApiError } from '@banata/protocol';
import type { ByteRange } from '@banata/protocol/box';
import { Readable } from 'node:stream';
import type { ArtifactRow } from '../../database/tables/lasting.ts';
import type { ObjectStore, StoredObject } from '../../stores/objects/object-store.ts';
import type { TransferStore } from '../../stores/transfer-store.ts';
import { requireDiskSpace } from '../host-disk.ts';

/** A content that no record claims within this time is deleted: the server ended half-way. */
const UNCLAIMED_MS = 24 * 60 * 60_000;

export interface StagingDeps {
  objects: ObjectStore;
  /** Folder on this server for what the object store does not have yet; undefined where the store is the local disk. */
  spool: ObjectStore | undefined;
  transfers: TransferStore;
  /** Folder on whose file system spool and local store are. */
  home: string;
  now: () => number;
}

/** A content that is safe, though maybe not in the object store yet. */
export interface StagedObject extends StoredObject {
  key: string;
  state: 'stored' | 'pending';
}

/**
 * Takes contents in, so that they are safe whatever happens to the object store: a remote one gets them from the spool
 * afterwards.
 */
export class Staging {
  readonly #deps: StagingDeps;

  constructor(deps: StagingDeps) {
    this.#deps = deps;
  }

  /**
   * Keeps a body. What is not claimed by a record (`ArtifactStore.put`) goes again after a day.
   * @param options.size what its sender says; what comes is counted.
   * @param options.tooLong what is thrown for a body of more than `maxBytes`.
   * @param options.folder first part of its key. Default: `artifacts`.
   * @throws {ApiError} HOST_DISK_FULL.
   */
  async take(
    body: Readable,
    options: {
      size?: number;
      maxBytes: number;
      tooLong: () => ApiError;
      signal: AbortSignal;
      folder?: string;
    },
  ): Promise<StagedObject> {
    const { objects, spool, transfers, home, now } = this.#deps;
    const { size, maxBytes, signal, folder = 'artifacts' } = options;
    const id = newId();
    const key = `${folder}/${id.slice(0, 2)}/${id}`;
    try {
      if (size !== undefined && size > maxBytes) throw options.tooLong();
      await requireDiskSpace(home, size);
      await transfers.guard(key, now() + UNCLAIMED_MS);
      const bounded = Readable.from(atMost(body, options), { objectMode: false });
      const stored = await (spool ?? objects).put(key, bounded, {
        signal,
        ...(size !== undefined && { size }),
      });
      return { ...stored, key, state: spool ? 'pending' : 'stored' };
    } catch (error) {
      body.destroy();
      throw error;
    }
  }

  /** The caller consumes or destroys the body. */
  async open(row: Pick<ArtifactRow, 'object_key' | 'state'>, range?: ByteRange): Promise<Readable> {
    const { objects, spool } = this.#deps;
    const options = range ? { range } : {};
    if (row.state === 'pending' && spool && (await spool.head(row.object_key)))
      return (await spool.get(row.object_key, options)).body;
    return (await objects.get(row.object_key, options)).body;
  }
}

async function* atMost(
  body: Readable,
  { maxBytes, tooLong }: { maxBytes: number; tooLong: () => ApiError },
): AsyncGenerator<Buffer, void> {
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLong();
    yield chunk;
  }
}
