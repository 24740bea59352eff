import type { ByteRange } from '@banata/protocol/box';
import type { Readable } from 'node:stream';

/** What a store says of an object. */
export interface ObjectHead {
  /** Bytes. */
  size: number;
  contentType?: string;
}

/** What was stored. */
export interface StoredObject {
  /** Bytes. */
  size: number;
  /** SHA-256 of the content, hex. */
  sha256: string;
}

export interface PutOptions {
  contentType?: string;
  /** Bytes, where they are known before. */
  size?: number;
  signal?: AbortSignal;
}

/** How a download by URL answers, where the store serves it itself. */
export interface PresignOptions {
  /** How long the URL is good, ms. */
  expiresInMs: number;
  contentType: string;
  contentDisposition: string;
}

/**
 * Content that outlives sandboxes. A key is made of parts joined by `/`, each of 1 to 200 of `A-Z a-z 0-9 . _ -`, not
 * beginning with a dot; 900 characters in all. No key is a folder of another: beside `a/b` there is no `a`.
 *
 * Every method throws `ApiError` STORE_UNAVAILABLE where the store does not answer or refuses the server: what was
 * asked for may be asked for again, a body that was read may not.
 */
export interface ObjectStore {
  /**
   * Stores a body; whole or not at all. An object under the same key is replaced.
   * What the body or the signal throws is thrown on; the body is destroyed then.
   */
  put(key: string, body: Readable, options?: PutOptions): Promise<StoredObject>;
  /**
   * The caller consumes or destroys the body; `size` is that of the whole object.
   * @throws {ObjectMissingError} when there is no such object.
   */
  get(
    key: string,
    options?: { range?: ByteRange; signal?: AbortSignal },
  ): Promise<{ body: Readable; size: number; contentType?: string }>;
  /** Undefined when there is no such object. */
  head(key: string, options?: { signal?: AbortSignal }): Promise<ObjectHead | undefined>;
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>;
  /**
   * Objects whose keys begin with `prefix`, in the order of their keys' bytes.
   * @param options.limit Default and most: 1000.
   */
  list(
    prefix: string,
    options?: { cursor?: string; limit?: number },
  ): Promise<{ items: { key: string; size: number }[]; cursor?: string }>;
  /** A URL under which the store serves the object itself; absent where it cannot. */
  presign?: ((key: string, options: PresignOptions) => Promise<string>) | undefined;
}

/** There is no object under the key. */
export class ObjectMissingError extends Error {
  readonly key: string;

  constructor(key: string) {
    super(`there is no object under ${key}`);
    this.name = 'ObjectMissingError';
    this.key = key;
  }
}
