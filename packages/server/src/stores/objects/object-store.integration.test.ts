import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { S3_BUCKET, S3_KEY, S3Server } from '../../testing/s3-server.ts';
import { LocalObjectStore } from './local-object-store.ts';
import { ObjectMissingError, type ObjectStore } from './object-store.ts';
import { S3ObjectStore } from './s3-object-store.ts';

let folder: string;
let s3: S3Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banata-objects-'));
  s3 = await S3Server.start();
});
afterAll(async () => {
  await s3[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function s3Store(changes: { secretAccessKey?: string; bucket?: string } = {}): S3ObjectStore {
  const { bucket = S3_BUCKET, secretAccessKey = S3_KEY.secretAccessKey } = changes;
  return new S3ObjectStore({
    bucket,
    endpoint: s3.endpoint,
    publicEndpoint: undefined,
    region: 'us-east-1',
    pathStyle: true,
    credentials: { accessKeyId: S3_KEY.accessKeyId, secretAccessKey },
    prefix: 'installation/',
    presign: true,
  });
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const body = (content: string | Buffer): Readable =>
  Readable.from([Buffer.from(content)], { objectMode: false });

/** In pieces, as a network would have it. */
function pieces(bytes: Buffer, size = 60_000): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })(),
    { objectMode: false },
  );
}

const stores: [string, () => ObjectStore][] = [
  ['local disk', () => new LocalObjectStore(folder)],
  ['S3', s3Store],
];

describe.each(stores)('%s', (_name, open) => {
  test('gives back what it was given: empty, small, and in several parts', async () => {
    const store = open();
    for (const size of [0, 1, 100_000, 20 * 1024 ** 2 + 7]) {
      const bytes = randomBytes(size);
      const key = `round/trip-${size}`;
      expect(await store.put(key, pieces(bytes), { size })).toEqual({ size, sha256: sha256(bytes) });
      expect(await store.head(key)).toMatchObject({ size });
      const found = await store.get(key);
      expect(found.size).toBe(size);
      expect(sha256(await buffer(found.body))).toBe(sha256(bytes));
    }
  });

  test('serves ranges, and says the size of the whole', async () => {
    const store = open();
    await store.put('ranges', body('0123456789'));
    const part = await store.get('ranges', { range: { start: 2, end: 4 } });
    expect([await text(part.body), part.size]).toEqual(['234', 10]);
    const last = await store.get('ranges', { range: { start: 9, end: 9 } });
    expect(await text(last.body)).toBe('9');
  });

  test('replaces, deletes, and says what is missing', async () => {
    const store = open();
    await store.put('one/two/three', body('old'));
    await store.put('one/two/three', body('newer'));
    expect(await text((await store.get('one/two/three')).body)).toBe('newer');
    await store.delete('one/two/three');
    await store.delete('one/two/three');
    expect(await store.head('one/two/three')).toBeUndefined();
    await expect(store.get('one/two/three')).rejects.toThrow(ObjectMissingError);
  });

  test('lists by prefix, in order, page by page', async () => {
    const store = open();
    const keys = ['list/a', 'list/a-b', 'list/a.c/x', 'list/b/1', 'list/b/2', 'list/b0', 'list/c'];
    for (const key of keys) await store.put(key, body(key));
    await store.put('listed-not', body('x'));
    const seen: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await store.list('list/', { limit: 2, ...(cursor !== undefined && { cursor }) });
      seen.push(...page.items.map(({ key, size }) => `${key}=${size}`));
      expect(page.items.length).toBeLessThanOrEqual(2);
      if (page.cursor === undefined) break;
      ({ cursor } = page);
    }
    expect(seen).toEqual(keys.toSorted().map((key) => `${key}=${key.length}`));
    expect((await store.list('list/b')).items.map(({ key }) => key)).toEqual([
      'list/b/1',
      'list/b/2',
      'list/b0',
    ]);
    expect(await store.list('nothing/here')).toEqual({ items: [] });
  });

  test('a body that breaks off leaves nothing, and the error is the body’s', async () => {
    const store = open();
    for (const size of [10, 12 * 1024 ** 2]) {
      async function* broken() {
        yield randomBytes(size);
        throw new Error('the sender is gone');
      }
      await expect(store.put(`broken/${size}`, Readable.from(broken()))).rejects.toThrow(
        'the sender is gone',
      );
      expect(await store.head(`broken/${size}`)).toBeUndefined();
    }
  });

  test('aborting ends a put whose body never ends', async () => {
    const store = open();
    const abort = new AbortController();
    const endless = new Readable({ read: () => undefined });
    endless.push(Buffer.alloc(1000));
    setTimeout(() => abort.abort(new Error('no longer wanted')), 50);
    await expect(store.put('endless', endless, { signal: abort.signal })).rejects.toThrow('no longer wanted');
    expect(endless.destroyed).toBe(true);
    expect(await store.head('endless')).toBeUndefined();
  });

  test.each(['', '/x', 'x/', 'a//b', '../x', 'a/../../x', '.hidden', 'a b', 'é', 'a\0', 'x'.repeat(901)])(
    'the key %j is none',
    async (key) => {
      const store = open();
      for (const use of [() => store.put(key, body('x')), () => store.get(key), () => store.delete(key)])
        await expect(async () => use()).rejects.toThrow('not an object key');
    },
  );
});

describe('local disk', () => {
  test('nothing is left of what was deleted or broke off', async () => {
    const own = await mkdtemp(join(folder, 'own'));
    const store = new LocalObjectStore(own);
    await store.put('a/b/c', body('x'));
    await store.delete('a/b/c');
    const gone = new Readable({ read: () => gone.destroy(new Error('gone')) });
    await expect(store.put('a/d', gone)).rejects.toThrow('gone');
    expect(await readdir(own, { recursive: true })).toEqual(['.drafts']);
  });

  test('puts and deletions in one folder do not get in each other’s way', async () => {
    const store = new LocalObjectStore(folder);
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        await store.put(`busy/folder/${index}`, body('x'));
        await store.delete(`busy/folder/${index}`);
      }),
    );
    expect(await store.list('busy/')).toEqual({ items: [] });
  });
});

describe('S3', () => {
  test('a signed URL serves the object, with the type and name that it was signed for', async () => {
    const store = s3Store();
    await store.put('signed', body('<script>alert(1)</script>'));
    const url = await sign(store);
    const reply = await fetch(url);
    expect([reply.status, await reply.text()]).toEqual([200, '<script>alert(1)</script>']);
    expect(reply.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''a.html");
    expect(reply.headers.get('content-type')).toBe('text/html');
    const part = await fetch(url, { headers: { range: 'bytes=1-6' } });
    expect([part.status, await part.text()]).toEqual([206, 'script']);
  });

  test('a signed URL that was changed is refused', async () => {
    const store = s3Store();
    await store.put('signed', body('mine'));
    await store.put('signex', body('theirs'));
    const url = new URL(await sign(store));
    expect((await fetch(url)).status).toBe(200);
    const changes: ((changed: URL) => void)[] = [
      (changed) => (changed.pathname = changed.pathname.replace('signed', 'signex')),
      (changed) => changed.searchParams.set('X-Amz-Expires', '604800'),
      (changed) => changed.searchParams.set('X-Amz-Date', '20991231T000000Z'),
      (changed) => changed.searchParams.set('response-content-type', 'image/png'),
      (changed) => changed.searchParams.set('response-content-disposition', 'inline'),
      (changed) => changed.searchParams.delete('response-content-disposition'),
      (changed) => changed.searchParams.append('uploads', ''),
      (changed) => changed.searchParams.set('X-Amz-Signature', '0'.repeat(64)),
      (changed) => changed.searchParams.delete('X-Amz-Signature'),
    ];
    for (const change of changes) {
      const changed = new URL(url);
      change(changed);
      expect.soft((await fetch(changed)).status, changed.href).toBe(403);
    }
    for (const method of ['PUT', 'DELETE', 'POST'])
      expect.soft((await fetch(url, { method })).status, method).toBe(403);
  });

  test('a signed URL expires', async () => {
    const store = s3Store();
    await store.put('signed', body('x'));
    const url = await sign(store, 3_000);
    expect((await fetch(url)).status).toBe(200);
    await expect.poll(async () => (await fetch(url)).status, { timeout: 10_000 }).toBe(403);
  });

  test('a store that refuses or has no such bucket is unavailable, and says why', async () => {
    for (const [store, why] of [
      [s3Store({ secretAccessKey: 'wrong' }), /refused the server: SignatureDoesNotMatch/],
      [s3Store({ bucket: 'no-such-bucket' }), /NoSuchBucket|no bucket/],
    ] as const) {
      await expect(store.put('x', body('x'))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(why),
      });
      await expect(store.list('')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    }
  });

  test('a store that goes away in the middle of an upload is unavailable; back again, all is well', async () => {
    const store = s3Store();
    const bytes = randomBytes(20 * 1024 ** 2);
    s3.breakAfterBytes = 10 * 1024 ** 2;
    await expect(store.put('middle', pieces(bytes))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.head('middle')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.get('middle')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await s3.up();
    expect(await store.head('middle')).toBeUndefined();
    await store.put('middle', pieces(bytes));
    expect(sha256(await buffer((await store.get('middle')).body))).toBe(sha256(bytes));
  });
});

function sign(store: S3ObjectStore, expiresInMs = 60_000): Promise<string> {
  const options = {
    expiresInMs,
    contentType: 'text/html',
    contentDisposition: "attachment; filename*=UTF-8''a.html",
  };
  return store.presign?.('signed', options) ?? Promise.reject(new Error('no URLs'));
}
