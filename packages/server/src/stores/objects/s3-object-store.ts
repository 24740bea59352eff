import type { ByteRange } from '@banata/protocol/box';
import type { S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '@banata/config';
import type { ApiError } from '@banata/protocol';
import { Readable } from 'node:stream';
import { Digest } from './digest.ts';
import { requireObjectKey } from './object-key.ts';
import {
  ObjectMissingError,
  type ObjectHead,
  type ObjectStore,
  type PresignOptions,
  type PutOptions,
  type StoredObject,
} from './object-store.ts';
import { storeUnavailable } from './store-unavailable.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** Without a byte in either direction for this long, a request has failed. */
const IDLE_TIMEOUT_MS = 30_000;
const ATTEMPTS = 3;
const MIN_PART_BYTES = 8 * 1024 ** 2;
/** Limit of S3 (Amazon S3 User Guide, "Multipart upload limits"). */
const MAX_PARTS = 10_000;
const PARTS_AT_ONCE = 2;
const MAX_LIST = 1_000;

/** Loaded at the first use: a server with a local store does without. */
async function loadSdk() {
  const [s3, storage, presigner] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/lib-storage'),
    import('@aws-sdk/s3-request-presigner'),
  ]);
  return { ...s3, Upload: storage.Upload, getSignedUrl: presigner.getSignedUrl };
}
type Sdk = Awaited<ReturnType<typeof loadSdk>>;

interface Opened {
  sdk: Sdk;
  client: S3Client;
  /** Signs URLs for the address that clients reach the store under. */
  signer: S3Client;
}

/** Objects of a bucket of any store that speaks S3. */
export class S3ObjectStore implements ObjectStore {
  readonly presign: ObjectStore['presign'];
  readonly #config: S3Config;
  #opened: Promise<Opened> | undefined;

  constructor(config: S3Config) {
    this.#config = config;
    this.presign = config.presign ? (key, options) => this.#presign(key, options) : undefined;
  }

  async put(key: string, body: Readable, options: PutOptions = {}): Promise<StoredObject> {
    const target = this.#target(key);
    const { contentType, size, signal } = options;
    const digest = new Digest();
    const counted = Readable.from(digest.pass(body, signal), { objectMode: false });
    // What it fails with is looked at below.
    counted.on('error', () => undefined);
    try {
      const { sdk, client } = await this.#open();
      const upload = new sdk.Upload({
        client,
        params: { ...target, Body: counted, ...(contentType && { ContentType: contentType }) },
        partSize: Math.max(MIN_PART_BYTES, Math.ceil((size ?? 0) / MAX_PARTS)),
        queueSize: PARTS_AT_ONCE,
      });
      signal?.throwIfAborted();
      const abort = (): void => void upload.abort().catch(() => undefined);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        await upload.done();
      } finally {
        signal?.removeEventListener('abort', abort);
      }
      return digest.finish();
    } catch (error) {
      body.destroy();
      counted.destroy();
      signal?.throwIfAborted();
      throw digest.failure ? digest.failure.error : failure(error);
    }
  }

  async get(
    key: string,
    { range, signal }: { range?: ByteRange; signal?: AbortSignal } = {},
  ): Promise<{ body: Readable; size: number; contentType?: string }> {
    const target = this.#target(key);
    const reply = await this.#ask(
      ({ sdk, client }) =>
        client.send(
          new sdk.GetObjectCommand({
            ...target,
            ...(range && { Range: `bytes=${range.start}-${range.end}` }),
          }),
          signal && { abortSignal: signal },
        ),
      signal,
    );
    if (!reply) throw new ObjectMissingError(key);
    const whole = /\/(\d+)$/.exec(reply.ContentRange ?? '')?.[1];
    return {
      body: reply.Body as Readable,
      size: whole === undefined ? (reply.ContentLength ?? 0) : Number(whole),
      ...(reply.ContentType && { contentType: reply.ContentType }),
    };
  }

  async head(key: string, { signal }: { signal?: AbortSignal } = {}): Promise<ObjectHead | undefined> {
    const target = this.#target(key);
    const reply = await this.#ask(
      ({ sdk, client }) => client.send(new sdk.HeadObjectCommand(target), signal && { abortSignal: signal }),
      signal,
    );
    if (!reply) return undefined;
    return {
      size: reply.ContentLength ?? 0,
      ...(reply.ContentType && { contentType: reply.ContentType }),
    };
  }

  async delete(key: string): Promise<void> {
    const target = this.#target(key);
    await this.#ask(({ sdk, client }) => client.send(new sdk.DeleteObjectCommand(target)));
  }

  async list(
    prefix: string,
    { cursor, limit = MAX_LIST }: { cursor?: string; limit?: number } = {},
  ): Promise<{ items: { key: string; size: number }[]; cursor?: string }> {
    const { bucket, prefix: base } = this.#config;
    const reply = await this.#ask(({ sdk, client }) =>
      client.send(
        new sdk.ListObjectsV2Command({
          Bucket: bucket,
          Prefix: base + prefix,
          MaxKeys: Math.min(limit, MAX_LIST),
          ...(cursor !== undefined && { StartAfter: base + cursor }),
        }),
      ),
    );
    if (!reply) throw storeUnavailable(undefined, `has no bucket "${bucket}"`);
    const items = (reply.Contents ?? []).map((item) => ({
      key: (item.Key ?? '').slice(base.length),
      size: item.Size ?? 0,
    }));
    const last = items.at(-1);
    return reply.IsTruncated && last ? { items, cursor: last.key } : { items };
  }

  async #presign(key: string, options: PresignOptions): Promise<string> {
    const target = this.#target(key);
    const { sdk, signer } = await this.#open();
    const command = new sdk.GetObjectCommand({
      ...target,
      ResponseContentType: options.contentType,
      ResponseContentDisposition: options.contentDisposition,
    });
    return sdk.getSignedUrl(signer, command, { expiresIn: Math.floor(options.expiresInMs / 1000) });
  }

  #target(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#config.bucket, Key: this.#config.prefix + requireObjectKey(key) };
  }

  /** Undefined where there is no such object. */
  async #ask<T>(work: (opened: Opened) => Promise<T>, signal?: AbortSignal): Promise<T | undefined> {
    try {
      return await work(await this.#open());
    } catch (error) {
      signal?.throwIfAborted();
      if (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket') return undefined;
      throw failure(error);
    }
  }

  #open(): Promise<Opened> {
    this.#opened ??= loadSdk().then((sdk) => {
      const { endpoint, publicEndpoint } = this.#config;
      return {
        sdk,
        client: this.#client(sdk, endpoint),
        signer: this.#client(sdk, publicEndpoint ?? endpoint),
      };
    });
    return this.#opened;
  }

  #client(sdk: Sdk, endpoint: string | undefined): S3Client {
    const { region, pathStyle, credentials } = this.#config;
    return new sdk.S3Client({
      region,
      forcePathStyle: pathStyle,
      maxAttempts: ATTEMPTS,
      // The newer default breaks R2, MinIO and Ceph.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials && { credentials }),
    });
  }
}

function failure(error: unknown): ApiError {
  const status = statusOf(error);
  const what =
    status === undefined
      ? 'of this server does not answer'
      : `refused the server: ${nameOf(error)} (status ${status})`;
  return storeUnavailable(error, what);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}

/** HTTP status of what the store answered; undefined where it did not. */
function statusOf(error: unknown): number | undefined {
  const { $metadata: metadata } = error as { $metadata?: { httpStatusCode?: number } };
  return metadata?.httpStatusCode;
}
