import { artifactKinds, newId, type Artifact } from '@banata/protocol';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ArtifactRow } from '../database/tables/lasting.ts';
import { openArtifactRig, type ArtifactRig } from '../testing/artifact-rig.ts';
import { TestPostgres, type TestDatabase } from '../testing/database.ts';
import { ask, makeOrganization, type JsonReply } from '../testing/json-client.ts';
import { S3Server } from '../testing/s3-server.ts';
import { TestServer } from '../testing/test-server.ts';
import { artifactEvent } from './artifacts/artifact-view.ts';
import { Secrets } from './secrets.ts';

const POLL = { timeout: 15_000, interval: 50 };
const KIB = 1024;

let postgres: TestPostgres;
let s3: S3Server;

beforeAll(async () => {
  [postgres, s3] = await Promise.all([TestPostgres.start(), S3Server.start()]);
});
afterAll(async () => {
  await s3?.[Symbol.asyncDispose]();
  await postgres?.close();
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const stream = (bytes: string | Buffer): Readable =>
  Readable.from([Buffer.from(bytes)], { objectMode: false });

/** A server with an organization that has a sandbox which ended. */
class Scene implements AsyncDisposable {
  readonly server: TestServer;
  readonly rig: ArtifactRig;
  readonly database: TestDatabase;
  readonly organizationId: string;
  readonly key: string;
  readonly sandboxId: string;

  private constructor(
    parts: Pick<Scene, 'server' | 'rig' | 'database' | 'organizationId' | 'key' | 'sandboxId'>,
  ) {
    this.server = parts.server;
    this.rig = parts.rig;
    this.database = parts.database;
    this.organizationId = parts.organizationId;
    this.key = parts.key;
    this.sandboxId = parts.sandboxId;
  }

  static async open(env: Record<string, string>, options: { jobs?: boolean } = {}): Promise<Scene> {
    const database = await postgres.create();
    // Scenes share a bucket.
    const folder = env['BANATA_S3_BUCKET'] === undefined ? {} : { BANATA_S3_PREFIX: `${newId()}/` };
    const server = await TestServer.start({ database, env: { ...env, ...folder }, ...options });
    const rig = await openArtifactRig(server, database);
    const organization = await makeOrganization(server, server.apiKey ?? '', null);
    const sandboxId = await rig.seedSandbox(organization.id, 'customer-a/job-42/');
    return new Scene({
      server,
      rig,
      database,
      organizationId: organization.id,
      key: organization.key,
      sandboxId,
    });
  }

  publish(name: string, content: string | Buffer, more: { kind?: Artifact['kind'] } = {}): Promise<Artifact> {
    const { sandboxId } = this;
    return this.rig.artifacts.publishStream({
      sandboxId,
      name,
      kind: 'file',
      body: stream(content),
      ...more,
    });
  }

  ask(path: string, method = 'GET', key = this.key): Promise<JsonReply> {
    return ask(this.server, key, { path, method });
  }

  async list(query = ''): Promise<Artifact[]> {
    const { body } = await this.ask(`/v1/sandboxes/artifacts?id=${this.sandboxId}${query}`);
    return body['data'] as Artifact[];
  }

  async link(key: string): Promise<string> {
    const query = `id=${this.sandboxId}&key=${encodeURIComponent(key)}`;
    const { status, body } = await this.ask(`/v1/sandboxes/artifacts/download?${query}`);
    expect(status, JSON.stringify(body)).toBe(200);
    return String(body['url']);
  }

  async download(key: string): Promise<Buffer> {
    const reply = await fetch(await this.link(key));
    expect(reply.status).toBe(200);
    return Buffer.from(await reply.arrayBuffer());
  }

  async allStored(): Promise<void> {
    await expect
      .poll(async () => (await this.list('&limit=500')).map(({ state }) => state), POLL)
      .not.toContain('pending');
  }

  async changes(): Promise<string[]> {
    const rows = await this.rig.db
      .selectFrom('events')
      .selectAll()
      .where('sandbox_id', '=', this.sandboxId)
      .where('type', '=', 'sandbox.artifacts.updated')
      .orderBy('seq')
      .execute();
    return rows.map(({ data }) => {
      const { change, artifact } = data as unknown as { change: string; artifact: Artifact };
      return `${change} ${artifact.name}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
    await this.server.close();
  }
}

const stores: [string, () => Record<string, string>][] = [
  ['local disk', () => ({})],
  ['S3', () => s3.env],
];
if (process.env['BANATA_TEST_ALL'] === '1')
  stores.push(['S3 through the server', () => ({ ...s3.env, BANATA_S3_PRESIGN: 'false' })]);

describe.each(stores)('%s', (name, env) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.open(env());
  });
  afterAll(() => scene[Symbol.asyncDispose]());
  const direct = name === 'S3';

  test('an artifact of each kind is kept, listed and downloaded, after its sandbox has ended', async () => {
    const content = randomBytes(300 * KIB);
    for (const kind of artifactKinds) {
      const artifact = await scene.publish(`one of ${kind}.bin`, content, { kind });
      expect(artifact).toMatchObject({
        sandboxId: scene.sandboxId,
        organizationId: scene.organizationId,
        name: `one of ${kind}.bin`,
        kind,
        size: content.length,
        sha256: sha256(content),
        contentType: 'application/octet-stream',
      });
      expect(artifact.key).toMatch(/^customer-a\/job-42\/[a-z-]+\/one of /);
    }
    await scene.allStored();
    const listed = await scene.list();
    expect(listed.map(({ kind }) => kind).toSorted()).toEqual(artifactKinds.toSorted());
    expect(listed.every(({ state }) => state === 'stored')).toBe(true);
    for (const { key } of listed) expect(sha256(await scene.download(key))).toBe(sha256(content));
  });

  test('pages, prefixes and kinds; the organization’s list has them newest first', async () => {
    for (let index = 0; index < 5; index += 1)
      await scene.publish(`page-${index}.txt`, 'x', { kind: 'document' });
    const pages: string[] = [];
    for (let cursor = ''; ;) {
      const prefix = encodeURIComponent('customer-a/job-42/documents/page-');
      const query = `id=${scene.sandboxId}&prefix=${prefix}&limit=2${cursor}`;
      const { body } = await scene.ask(`/v1/sandboxes/artifacts?${query}`);
      pages.push((body['data'] as Artifact[]).map((artifact) => artifact.name).join());
      if (body['nextCursor'] === null) break;
      cursor = `&cursor=${body['nextCursor'] as string}`;
    }
    expect(pages).toEqual(['page-0.txt,page-1.txt', 'page-2.txt,page-3.txt', 'page-4.txt']);
    expect((await scene.list('&kind=har')).map(({ name: found }) => found)).toEqual(['one of har.bin']);
    const second = await scene.rig.seedSandbox(scene.organizationId);
    await scene.rig.artifacts.publishStream({
      sandboxId: second,
      name: 'elsewhere.txt',
      kind: 'file',
      body: stream('x'),
    });
    const all: Artifact[] = [];
    for (let cursor = ''; ;) {
      const { body } = await scene.ask(`/v1/artifacts?limit=3${cursor}`);
      all.push(...(body['data'] as Artifact[]));
      if (body['nextCursor'] === null) break;
      cursor = `&cursor=${body['nextCursor'] as string}`;
    }
    expect(all).toHaveLength(14);
    expect(new Set(all.map(({ sandboxId, key }) => `${sandboxId} ${key}`)).size).toBe(14);
    expect(all[0]).toMatchObject({ name: 'elsewhere.txt', key: 'files/elsewhere.txt' });
    expect(all.map(({ createdAt }) => createdAt)).toEqual(
      all.map(({ createdAt }) => createdAt).toSorted((a, b) => b - a),
    );
  });

  test('ranges of a download; what cannot be satisfied answers 416', async () => {
    const { key, sha256: sum } = await scene.publish('ranges.txt', '0123456789');
    await scene.allStored();
    const url = await scene.link(key);
    expect(url.startsWith(scene.server.url)).toBe(!direct);
    for (const [range, status, text] of [
      ['bytes=2-4', 206, '234'],
      ['bytes=-3', 206, '789'],
      ['bytes=7-', 206, '789'],
      ['bytes=0-99', 206, '0123456789'],
    ] as const) {
      const reply = await fetch(url, { headers: { range } });
      expect.soft([reply.status, await reply.text()], range).toEqual([status, text]);
      expect.soft(reply.headers.get('content-range'), range).toMatch(/^bytes \d-\d\/10$/);
    }
    expect((await fetch(url, { headers: { range: 'bytes=10-' } })).status).toBe(416);
    if (direct) return;
    const other = await fetch(url, { headers: { range: 'bytes=2-4', 'if-range': '"other"' } });
    expect([other.status, await other.text()]).toEqual([200, '0123456789']);
    const same = await fetch(url, { headers: { range: 'bytes=2-4', 'if-range': `"${sum}"` } });
    expect(same.status).toBe(206);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '10']);
  });

  test('nothing is rendered as a page, whatever it is called', async () => {
    for (const [file, type] of [
      ['page.html', 'text/html'],
      ['picture.svg', 'image/svg+xml'],
      ['it’s (ü) "quoted"\r\nx.xml', 'application/xml'],
    ] as const) {
      const { key, contentType } = await scene.publish(file, '<svg onload="alert(1)"/>');
      expect(contentType).toContain(type);
      await scene.allStored();
      const reply = await fetch(await scene.link(key));
      const disposition = reply.headers.get('content-disposition') ?? '';
      expect(disposition).toMatch(/^attachment; filename\*=UTF-8''[\w.%-]+$/);
      expect(decodeURIComponent(disposition.split("''")[1] ?? '')).toBe(file);
      expect(reply.headers.get('content-type')).toBe(contentType);
      if (direct) continue;
      expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
      expect(reply.headers.get('content-security-policy')).toContain('sandbox');
    }
  });

  test('a link that was changed, has expired or is for another artifact opens nothing', async () => {
    const { key } = await scene.publish('mine.txt', 'mine');
    const { key: otherKey } = await scene.publish('other.txt', 'other');
    await scene.allStored();
    const url = new URL(await scene.link(key));
    const other = new URL(await scene.link(otherKey));
    expect(await (await fetch(url)).text()).toBe('mine');
    for (const [name, value] of url.searchParams) {
      for (const wrong of [`${value}x`, value.slice(1), '', other.searchParams.get(name) ?? '']) {
        const changed = new URL(url);
        changed.searchParams.set(name, wrong);
        const reply = await fetch(changed);
        const text = await reply.text();
        // The other artifact's own whole token is good for the other artifact.
        if (text === 'other' && !direct) continue;
        if (wrong !== value)
          expect.soft([401, 403, 400], `${name}=${wrong}: ${text}`).toContain(reply.status);
        expect.soft(text).not.toBe('other');
      }
    }
    if (direct) {
      const moved = new URL(url);
      moved.pathname = other.pathname;
      expect((await fetch(moved)).status).toBe(403);
      return;
    }
    const secrets = new Secrets(Buffer.from(scene.database.secret, 'hex'));
    const claims = { sandboxId: scene.sandboxId, purpose: 'artifact', key } as const;
    const token = secrets.signLink({ ...claims, expiresAt: Date.now() - 1 });
    expect((await scene.server.fetch(`/v1/artifacts/content?token=${token}`)).status).toBe(401);
    const [body = ''] = (url.searchParams.get('token') ?? '').split('.');
    const forged = Buffer.from(
      Buffer.from(body, 'base64url').toString().replace('mine.txt', 'other.txt'),
    ).toString('base64url');
    const mac = url.searchParams.get('token')?.split('.')[1] ?? '';
    expect((await scene.server.fetch(`/v1/artifacts/content?token=${forged}.${mac}`)).status).toBe(401);
  });

  test('publishing under the same name replaces; deleting frees; both leave nothing behind', async () => {
    const before = await scene.rig.objects.list('');
    const first = await scene.publish('again.txt', 'first');
    const second = await scene.publish('again.txt', 'the second');
    expect(second.key).toBe(first.key);
    await scene.allStored();
    expect((await scene.download(second.key)).toString()).toBe('the second');
    const path = `/v1/sandboxes/artifacts?id=${scene.sandboxId}&key=${encodeURIComponent(first.key)}`;
    expect((await scene.ask(path, 'DELETE')).body).toEqual({ ok: true, deleted: true });
    expect((await scene.ask(path, 'DELETE')).body).toEqual({ ok: true, deleted: false });
    expect((await scene.list()).some(({ key }) => key === first.key)).toBe(false);
    await expect.poll(() => scene.rig.objects.list(''), POLL).toEqual(before);
    if (scene.rig.spool) await expect.poll(() => scene.rig.spool?.list(''), POLL).toEqual({ items: [] });
    const changes = (await scene.changes()).filter((change) => /^(published|deleted) again/.test(change));
    expect(changes).toEqual(['published again.txt', 'published again.txt', 'deleted again.txt']);
  });

  test('what belongs to something else is listed, and goes only with it', async () => {
    const bytes = randomBytes(KIB);
    const object = {
      key: 'checkpoints/one',
      ...(await scene.rig.objects.put('checkpoints/one', stream(bytes))),
    };
    const { db, artifacts, store } = scene.rig;
    const wanted = { sandboxId: scene.sandboxId, name: 'nightly.tar.zst', kind: 'checkpoint' as const };
    const listing = await artifacts.listing({ ...wanted, object });
    await db.transaction().execute((tx) => store.enlist(tx, listing));
    const { key } = listing.row;
    expect(sha256(await scene.download(key))).toBe(sha256(bytes));
    const path = `/v1/sandboxes/artifacts?id=${scene.sandboxId}&key=${encodeURIComponent(key)}`;
    expect((await scene.ask(path, 'DELETE')).body).toMatchObject({ code: 'CONFLICT' });
    const event = (row: ArtifactRow) => artifactEvent('deleted', row);
    await db.transaction().execute((tx) => store.withdraw(tx, object.key, { event, now: Date.now() }));
    expect((await scene.list()).some((artifact) => artifact.key === key)).toBe(false);
    expect((await scene.changes()).filter((change) => change.endsWith('nightly.tar.zst'))).toEqual([
      'published nightly.tar.zst',
      'deleted nightly.tar.zst',
    ]);
    expect(await scene.rig.objects.head('checkpoints/one')).toBeDefined();
    await scene.rig.objects.delete('checkpoints/one');
  });

  test('another organization sees nothing of it', async () => {
    const { key } = await scene.publish('private.txt', 'private');
    const stranger = await makeOrganization(scene.server, scene.server.apiKey ?? '', null);
    const query = `id=${scene.sandboxId}&key=${encodeURIComponent(key)}`;
    for (const [method, path] of [
      ['GET', `/v1/sandboxes/artifacts?id=${scene.sandboxId}`],
      ['GET', `/v1/sandboxes/artifacts/download?${query}`],
      ['DELETE', `/v1/sandboxes/artifacts?${query}`],
    ] as const) {
      const reply = await scene.ask(path, method, stranger.key);
      expect.soft([reply.status, reply.body['code']], path).toEqual([404, 'SANDBOX_NOT_FOUND']);
    }
    expect((await scene.ask('/v1/artifacts', 'GET', stranger.key)).body).toEqual({
      data: [],
      nextCursor: null,
    });
  });

  test('a body that breaks off is no artifact, and leaves nothing', async () => {
    const body = Readable.from(
      (async function* () {
        yield randomBytes(KIB);
        throw new Error('the box is gone');
      })(),
      { objectMode: false },
    );
    const { sandboxId } = scene;
    const publishing = scene.rig.artifacts.publishStream({ sandboxId, name: 'cut.bin', kind: 'file', body });
    await expect(publishing).rejects.toThrow('the box is gone');
    expect((await scene.list('&limit=500')).some(({ name: found }) => found === 'cut.bin')).toBe(false);
  });

  test('storage counts in the usage of the organization', async () => {
    const { data } = (await scene.ask('/v1/artifacts?limit=500')).body as { data: Artifact[] };
    const { body } = await scene.ask('/v1/usage');
    expect(body['artifactBytes']).toBe(data.reduce((sum, { size }) => sum + size, 0));
  });
});

describe('a store that is down', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open(s3.env);
    return async () => {
      await s3.up();
      await scene[Symbol.asyncDispose]();
    };
  });

  test('publishing goes on; what was published can be downloaded, and reaches the store when it is back', async () => {
    const stored = await scene.publish('before.txt', 'before');
    await scene.allStored();
    await s3.down();
    const waiting = await scene.publish('during.txt', 'during');
    expect(waiting.state).toBe('pending');
    expect((await scene.download(waiting.key)).toString()).toBe('during');
    await expect
      .poll(async () => (await scene.server.fetch('/readyz')).json(), POLL)
      .toEqual({ ok: true, degraded: ['object-store'], pendingUploads: 1 });
    const query = `id=${scene.sandboxId}&key=${encodeURIComponent(stored.key)}`;
    const refused = await scene.ask(`/v1/sandboxes/artifacts/download?${query}`);
    expect([refused.status, refused.body['code']]).toEqual([503, 'STORE_UNAVAILABLE']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await s3.up();
    await scene.allStored();
    expect((await scene.download(waiting.key)).toString()).toBe('during');
    await expect
      .poll(async () => (await scene.server.fetch('/readyz')).json(), POLL)
      .toEqual({ ok: true, degraded: [], pendingUploads: 0 });
    expect(await scene.changes()).toEqual([
      'published before.txt',
      'stored before.txt',
      'published during.txt',
      'stored during.txt',
    ]);
  });

  test('a store that breaks off in the middle of a large upload gets it whole in the end', async () => {
    const bytes = randomBytes(12 * KIB * KIB);
    s3.breakAfterBytes = 9 * KIB * KIB;
    const { key } = await scene.publish('large.bin', bytes);
    await expect
      .poll(async () => (await scene.server.fetch('/readyz')).json(), POLL)
      .toMatchObject({ degraded: ['object-store'], pendingUploads: 1 });
    expect(sha256(await scene.download(key))).toBe(sha256(bytes));
    await s3.up();
    await scene.allStored();
    expect(sha256(await scene.download(key))).toBe(sha256(bytes));
  });

  test('replaced and deleted while it was down: only the last is stored', async () => {
    await s3.down();
    const { key } = await scene.publish('changing.txt', 'one');
    await scene.publish('changing.txt', 'two');
    const gone = await scene.publish('gone.txt', 'gone');
    await scene.ask(
      `/v1/sandboxes/artifacts?id=${scene.sandboxId}&key=${encodeURIComponent(gone.key)}`,
      'DELETE',
    );
    await s3.up();
    await scene.allStored();
    expect((await scene.download(key)).toString()).toBe('two');
    await expect
      .poll(async () => (await scene.rig.objects.list('artifacts/')).items.length, POLL)
      .toBe((await scene.list()).length);
    await expect.poll(() => scene.rig.spool?.list(''), POLL).toEqual({ items: [] });
  });
});

describe('a server that was killed', () => {
  test('after publishing, in the middle of an upload, and before tidying up: the next one carries on', async () => {
    await using scene = await Scene.open(s3.env, { jobs: false });
    const { rig } = scene;
    const waiting = await scene.publish('waiting.txt', 'waiting');
    // Reached the store, but the row did not say so any more.
    const half = await scene.publish('half.txt', 'half');
    const { object_key: halfKey } = await rig.db
      .selectFrom('artifacts')
      .select('object_key')
      .where('key', '=', half.key)
      .executeTakeFirstOrThrow();
    await rig.objects.put(halfKey, stream('half'));
    // Left in the spool by an upload that was done.
    await rig.spool?.put('artifacts/zz/left-over', stream('x'));
    // Never recorded.
    await rig.staging.take(stream('nobody knows me'), {
      maxBytes: 100,
      tooLong: () => expect.unreachable(),
      signal: AbortSignal.timeout(5_000),
    });
    scene.server.composition.startJobs();
    await scene.allStored();
    expect((await scene.download(waiting.key)).toString()).toBe('waiting');
    expect((await scene.download(half.key)).toString()).toBe('half');
    await expect.poll(async () => (await rig.spool?.list(''))?.items.length, POLL).toBe(1);
    // A day later.
    await rig.db.updateTable('object_transfers').set({ next_attempt_at: 0 }).execute();
    await expect.poll(() => rig.spool?.list(''), POLL).toEqual({ items: [] });
    await expect.poll(() => rig.db.selectFrom('object_transfers').selectAll().execute(), POLL).toEqual([]);
  });

  test('with its disk lost, what waited is said to be lost', async () => {
    await using scene = await Scene.open(s3.env, { jobs: false });
    const { key } = await scene.publish('lost.txt', 'lost');
    const { items } = (await scene.rig.spool?.list('')) ?? { items: [] };
    for (const item of items) await scene.rig.spool?.delete(item.key);
    scene.server.composition.startJobs();
    await expect.poll(async () => (await scene.list())[0]?.state, POLL).toBe('failed');
    const reply = await scene.ask(
      `/v1/sandboxes/artifacts/download?id=${scene.sandboxId}&key=${encodeURIComponent(key)}`,
    );
    expect([reply.status, reply.body['code']]).toEqual([404, 'ARTIFACT_NOT_FOUND']);
    expect(await scene.changes()).toEqual(['published lost.txt', 'failed lost.txt']);
  });
});

describe('limits', () => {
  test('a quota holds, also for several at once; replacing and deleting make room', async () => {
    await using scene = await Scene.open({ BANATA_ARTIFACT_QUOTA_GIB: String(100 / KIB / KIB) });
    await scene.publish('a.bin', randomBytes(60 * KIB));
    await scene.publish('a.bin', randomBytes(80 * KIB));
    const tries = await Promise.allSettled(
      ['b', 'c', 'd'].map((name) => scene.publish(name, randomBytes(15 * KIB))),
    );
    expect(tries.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
    for (const outcome of tries) {
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'ARTIFACT_QUOTA_EXCEEDED' });
    }
    await expect(scene.publish('big.bin', randomBytes(200 * KIB))).rejects.toMatchObject({
      code: 'ARTIFACT_QUOTA_EXCEEDED',
      status: 507,
    });
    for (const { key } of await scene.list())
      await scene.ask(`/v1/sandboxes/artifacts?id=${scene.sandboxId}&key=${key}`, 'DELETE');
    await scene.publish('e.bin', randomBytes(90 * KIB));
    expect((await scene.list()).map(({ name }) => name)).toEqual(['e.bin']);
  });

  test('artifacts go when they are older than they are kept', async () => {
    await using scene = await Scene.open({ BANATA_ARTIFACT_RETENTION_DAYS: '30' });
    await scene.publish('old.txt', 'x');
    await scene.publish('new.txt', 'x');
    await scene.rig.db
      .updateTable('artifacts')
      .set({ created_at: Date.now() - 31 * 86_400_000 })
      .where('name', '=', 'old.txt')
      .execute();
    await scene.rig.artifacts.removeExpired();
    expect((await scene.list()).map(({ name }) => name)).toEqual(['new.txt']);
    await expect.poll(async () => (await scene.rig.objects.list('')).items.length, POLL).toBe(1);
  });

  test('names made up in a sandbox become plain ones', async () => {
    await using scene = await Scene.open({});
    const cases = [
      ['../../etc/passwd', '.._.._etc_passwd'],
      ['..', 'artifact'],
      ['a\0b\ud800', 'a\ufffdb\ufffd'],
      ['x'.repeat(300), 'x'.repeat(255)],
    ] as const;
    for (const [given, expected] of cases) {
      const { name, key } = await scene.publish(given, 'x');
      expect([name, key]).toEqual([expected, `customer-a/job-42/files/${expected}`]);
      expect((await scene.download(key)).toString()).toBe('x');
    }
  });
});
