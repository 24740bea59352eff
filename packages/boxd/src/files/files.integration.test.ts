import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listProcesses } from '../exec/process-tree.ts';
import { createLogger } from '../logger.ts';
import { startHostBox, type HostBox } from '../testing/host-box.ts';
import { WorkerProcess } from './worker-process.ts';

const USER = 65534;
let box: HostBox;
let workspace: string;

beforeAll(async () => {
  box = await startHostBox();
  ({ workspace } = box.environment);
});

afterAll(async () => {
  await box.close();
});

const query = (path: string, more = ''): string => `?path=${encodeURIComponent(path)}${more}`;

async function json(
  method: string,
  url: string,
  body?: string | Buffer<ArrayBuffer>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await box.fetch(url, { method, ...(body === undefined ? {} : { body }) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const write = (path: string, body: string | Buffer<ArrayBuffer>): ReturnType<typeof json> =>
  json('PUT', `/files/write${query(path)}`, body);

const temporaries = async (): Promise<string[]> =>
  (await readdir(workspace)).filter((name) => name.startsWith('.banata-'));

describe('files', () => {
  test('writes and reads 100 MiB unchanged', async () => {
    const content = Buffer.alloc(100 * 1024 * 1024);
    for (let offset = 0; offset < content.length; offset += 4096) content.writeUInt32LE(offset, offset);
    expect(await write('big.bin', content)).toEqual({
      status: 200,
      body: { path: join(workspace, 'big.bin'), size: content.length },
    });
    const response = await box.fetch(`/files/read${query('big.bin')}`);
    expect(response.headers.get('content-length')).toBe(String(content.length));
    const hash = createHash('sha256');
    for await (const chunk of response.body ?? []) hash.update(chunk);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  });

  test('makes parents, belongs to the user and keeps the mode of what it replaces', async () => {
    expect((await write('a/b/c.sh', 'one')).status).toBe(200);
    const path = join(workspace, 'a/b/c.sh');
    expect(await stat(path)).toMatchObject({ uid: USER, mode: 0o100644 });
    await chmod(path, 0o750);
    await write('a/b/c.sh', 'two');
    expect(await readFile(path, 'utf8')).toBe('two');
    expect((await stat(path)).mode & 0o777).toBe(0o750);
    expect((await write('empty', '')).body['size']).toBe(0);
    expect(await (await box.fetch(`/files/read${query('empty')}`)).text()).toBe('');
  });

  test('replaces the file that a link leads to, not the link', async () => {
    await write('target.txt', 'old');
    await symlink('target.txt', join(workspace, 'link.txt'));
    await write('link.txt', 'new');
    expect(await readFile(join(workspace, 'target.txt'), 'utf8')).toBe('new');
    expect((await json('GET', `/files/stat${query('link.txt')}`)).body).toMatchObject({
      type: 'symlink',
      name: 'link.txt',
    });
  });

  test('acts with the rights of the user only, also through links', async () => {
    await symlink('/etc/shadow', join(workspace, 'shadow'));
    await symlink('/etc', join(workspace, 'etc'));
    for (const path of ['shadow', 'etc/shadow', '/etc/shadow', '../../../../../../etc/shadow']) {
      const response = await box.fetch(`/files/read${query(path)}`);
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ code: 'PERMISSION_DENIED' });
    }
    expect(await write('etc/banata-test', 'x')).toMatchObject({
      status: 403,
      body: { code: 'PERMISSION_DENIED' },
    });
    expect(await write('/etc/hostname', 'x')).toMatchObject({ status: 403 });
    expect(await json('DELETE', `/files${query('/etc/hostname')}`)).toMatchObject({ status: 403 });
    // A file of root in a folder of the user could be replaced by renaming; the right to write it still counts.
    await writeFile(join(workspace, 'roots.txt'), 'root', { mode: 0o644 });
    expect(await write('roots.txt', 'x')).toMatchObject({ status: 403 });
    expect(await write('/etc/hostname', Buffer.alloc(20_000_000))).toMatchObject({ status: 403 });
    expect(await temporaries()).toEqual([]);
  });

  test('refuses what is no regular file, without waiting', async () => {
    execFileSync('bash', ['-c', `mkfifo -m 666 ${join(workspace, 'fifo')}`]);
    for (const path of ['fifo', '/dev/zero', '/dev/full']) {
      const read = await json('GET', `/files/read${query(path)}`);
      expect(read).toMatchObject({ status: 400, body: { code: 'NOT_A_FILE' } });
      expect(await write(path, 'x')).toMatchObject({ status: 400, body: { code: 'NOT_A_FILE' } });
    }
    expect(await json('GET', `/files/read${query('.')}`)).toMatchObject({
      status: 400,
      body: { code: 'IS_DIRECTORY' },
    });
    expect(await write('.', 'x')).toMatchObject({ status: 400, body: { code: 'IS_DIRECTORY' } });
    expect((await json('GET', `/files/list${query('.')}`)).body['entries']).toContainEqual(
      expect.objectContaining({ name: 'fifo', type: 'other', mode: '0666' }),
    );
  });

  test.each([
    ['/files/read', 404, 'FILE_NOT_FOUND', 'nope'],
    ['/files/list', 404, 'FILE_NOT_FOUND', 'nope'],
    ['/files/stat', 404, 'FILE_NOT_FOUND', 'nope'],
    ['/files/list', 400, 'NOT_A_DIRECTORY', '/etc/passwd'],
    ['/files/read', 400, 'NOT_A_DIRECTORY', '/etc/passwd/x'],
    ['/files/read', 400, 'INVALID_PATH', 'a\0b'],
    ['/files/read', 400, 'INVALID_PATH', ''],
    ['/files/read', 400, 'NAME_TOO_LONG', 'x'.repeat(300)],
    ['/files/read', 400, 'NAME_TOO_LONG', 'x/'.repeat(3000)],
  ])('answers %s with %i %s', async (route, status, code, path) => {
    expect(await json('GET', route + query(path))).toMatchObject({ status, body: { code } });
  });

  test('reads files of /proc, which have no size', async () => {
    const response = await box.fetch(`/files/read${query('/proc/self/status')}`);
    expect(await response.text()).toContain(`Uid:\t${USER}`);
  });

  test('leaves no temporary file and the old content when an upload is cut off', async () => {
    await write('cut.txt', 'old');
    const headers = { authorization: `Bearer ${box.token}`, 'content-length': 10_000_000 };
    const upload = httpRequest(`${box.url}/files/write${query('cut.txt')}`, { method: 'PUT', headers });
    upload.on('error', () => undefined);
    upload.write(Buffer.alloc(1_000_000));
    while ((await temporaries()).length === 0) await sleep(5);
    upload.destroy();
    while ((await temporaries()).length > 0) await sleep(5);
    expect(await readFile(join(workspace, 'cut.txt'), 'utf8')).toBe('old');
    await expect.poll(() => readdir(join(box.environment.runDir, 'files/pending'))).toEqual([]);
  });

  test('a worker that is killed is replaced, and what it left half-written goes', async () => {
    const headers = { authorization: `Bearer ${box.token}`, 'content-length': 10_000_000 };
    const upload = httpRequest(`${box.url}/files/write${query('killed.txt')}`, { method: 'PUT', headers });
    const ended = new Promise((resolve) => {
      upload.on('error', resolve);
      upload.on('response', (response) => resolve(response.statusCode));
    });
    upload.write(Buffer.alloc(1_000_000));
    while ((await temporaries()).length === 0) await sleep(5);
    const worker = listProcesses().find(({ parent, state }) => parent === process.pid && state !== 'Z');
    if (worker) process.kill(worker.pid, 'SIGKILL');
    expect(worker).toBeDefined();
    await ended;
    upload.destroy();
    expect((await write('after.txt', 'x')).status).toBe(200);
    expect(await temporaries()).toEqual([]);
  });

  test('lists by name, up to a bound', async () => {
    const directory = join(workspace, 'many');
    await mkdir(directory);
    execFileSync('bash', ['-c', `cd ${directory} && seq 10050 | xargs touch`]);
    const { body } = await json('GET', `/files/list${query('many')}`);
    const names = (body['entries'] as { name: string }[]).map(({ name }) => name);
    expect(names).toHaveLength(10_000);
    expect(names).toEqual([...names].sort());
    expect(body['truncated']).toBe(true);
    expect((await json('GET', `/files/list${query('a/b')}`)).body).toMatchObject({
      entries: [{ name: 'c.sh', path: join(workspace, 'a/b/c.sh'), type: 'file', size: 3, mode: '0750' }],
      truncated: false,
    });
    await chown(directory, USER, USER);
    expect(await json('DELETE', `/files${query('many')}`)).toMatchObject({
      status: 409,
      body: { code: 'DIRECTORY_NOT_EMPTY' },
    });
    expect(await json('DELETE', `/files${query('many', '&recursive=true')}`)).toMatchObject({ status: 200 });
    expect(await json('DELETE', `/files${query('many')}`)).toMatchObject({ status: 404 });
    expect(await json('DELETE', `/files${query('.', '&recursive=true')}`)).toMatchObject({
      status: 400,
      body: { code: 'PATH_PROTECTED' },
    });
  });

  test('takes many requests at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        await write(`parallel/${index}.txt`, String(index));
        return await (await box.fetch(`/files/read${query(`parallel/${index}.txt`)}`)).text();
      }),
    );
    expect(results).toEqual(Array.from({ length: 50 }, (_, index) => String(index)));
  });

  test('the worker ends when it is idle and when it is told to', async () => {
    const environment = { ...box.environment, runDir: join(box.environment.runDir, 'idle') };
    await mkdir(environment.runDir);
    const script = fileURLToPath(new URL('./worker-main.ts', import.meta.url));
    const logger = createLogger({ write: () => undefined });
    const worker = new WorkerProcess({ environment, logger, script, idleMs: 100 });
    const workers = async (): Promise<number> =>
      listProcesses().filter(({ parent, state }) => parent === process.pid && state !== 'Z').length;
    const before = await workers();
    await worker.with(async () => {
      await sleep(300);
      expect(await workers()).toBe(before + 1);
    });
    for (let waited = 0; waited < 3000 && (await workers()) > before; waited += 20) await sleep(20);
    expect(await workers()).toBe(before);
    await worker.with(async (socket) => expect(socket.readyState).toBe('open'));
    await worker.stop();
    expect(await workers()).toBe(before);
  });
});
