import { ARCHIVE_TRAILER } from '@banata/protocol/box';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxDirectory } from '../index.ts';
import { startImageBox, type ImageBox } from '../testing/image-box.ts';
import { imageLayers } from '../testing/image-layers.ts';

let box: ImageBox;
let workspace: string;

beforeAll(async () => {
  box = await startImageBox({ layers: imageLayers(process.env), boxDirectory });
  await box.send('PUT', '/config', {
    sandboxId: 'test',
    runtime: 'base',
    env: {},
    browser: null,
    agent: null,
  });
  workspace = join(box.root, 'workspace');
});

afterAll(() => box?.close());

async function shell(command: string): Promise<string> {
  const { body } = await box.send('POST', '/exec', { command, timeoutMs: 30_000 });
  expect(body, command).toMatchObject({ exitCode: 0 });
  return String(body['stdout']);
}

/** The reply of `GET /files/archive`, whose trailer `fetch` would hide. */
async function archive(path: string, format: string): Promise<IncomingMessage> {
  const url = `${box.url}/files/archive?path=${encodeURIComponent(path)}&format=${format}`;
  const call = request(url, { headers: { authorization: `Bearer ${box.token}` } });
  call.end();
  const [reply] = (await once(call, 'response')) as [IncomingMessage];
  return reply;
}

async function read(reply: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of reply as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe.each([
  ['zip', 'application/zip', 'cd /tmp/out && unzip -q /tmp/archive'],
  ['tar.zst', 'application/zstd', 'tar -C /tmp/out --zstd -xf /tmp/archive'],
])('%s', (format, type, unpack) => {
  test('holds files, empty folders, links and odd names, and leaves sockets and pipes out', async () => {
    await shell(
      `rm -rf /workspace/-p /tmp/out && mkdir -p '/workspace/-p/empty' /workspace/-p/sub && cd /workspace/-p &&
       echo one > sub/one.txt && echo 'ü' > 'ü "q" \\$x' && head -c 300000 /dev/urandom > big && chmod 640 big && ln -s sub/one.txt link &&
       mkfifo pipe && python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('socket')"`,
    );
    const reply = await archive('/workspace/-p', format);
    expect([reply.statusCode, reply.headers['content-type']]).toEqual([200, type]);
    await writeFile(join(box.root, 'tmp/archive'), await read(reply));
    expect(reply.trailers[ARCHIVE_TRAILER]).toBe('whole');
    await shell(`chmod 644 /tmp/archive; mkdir /tmp/out && ${unpack}; rm -f /tmp/out/-p/pipe`);
    const listing = (folder: string) =>
      shell(
        `cd ${folder} && find . ! -type p ! -type s -printf '%P %y %l\\n' | sort && find . -type f -exec sha256sum {} + | sort`,
      );
    expect(await listing('/tmp/out/-p')).toBe(await listing('/workspace/-p'));
  });

  test('an unreadable file makes it no archive; the error says which, or the trailer when bytes have gone', async () => {
    const folder = join(workspace, `closed-${format}`);
    await mkdir(folder);
    await writeFile(join(folder, 'secret'), 'x', { mode: 0o600 });
    const refused = await archive(`closed-${format}`, format);
    expect([refused.statusCode, JSON.parse((await read(refused)).toString())]).toEqual([
      403,
      { error: expect.stringContaining('secret') as string, code: 'PERMISSION_DENIED' },
    ]);
    for (const name of ['a', 'z']) await writeFile(join(folder, name), randomBytes(3_000_000));
    const reply = await archive(`closed-${format}`, format);
    expect(reply.statusCode).toBe(200);
    await read(reply);
    expect(reply.trailers[ARCHIVE_TRAILER]).toMatch(/secret.*Permission denied/);
  });

  test('flat memory, and no program left when the caller goes away', async () => {
    await shell('mkdir -p /workspace/large && head -c 120M /dev/urandom > /workspace/large/data');
    const reply = await archive('large', format);
    await once(reply, 'readable');
    expect(await shell("pgrep -cx 'zip|tar|zstd' || true")).not.toBe('0\n');
    const memory = async () =>
      Number(await shell("ps -eo rss,args | awk '/[f]iles-worker/ {print $1}' | head -1"));
    let [size, looks, most] = [0, 0, 0];
    for await (const chunk of reply as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size < (looks + 1) * 20_000_000) continue;
      looks += 1;
      most = Math.max(most, await memory());
      if (looks === 4) break;
    }
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(150_000);
    await expect.poll(() => shell("pgrep -cx 'zip|tar|zstd' || true"), { timeout: 5_000 }).toBe('0\n');
    await rm(join(workspace, 'large'), { recursive: true });
  });
});

test.each([
  ['/workspace/nothing', 'zip', 404, 'FILE_NOT_FOUND'],
  ['/etc/passwd', 'zip', 400, 'NOT_A_DIRECTORY'],
  ['/root', 'tar.zst', 403, 'PERMISSION_DENIED'],
  ['/', 'zip', 400, 'INVALID_PATH'],
  ['/workspace', 'rar', 400, 'INVALID_FIELD'],
])('%s as %s answers %d %s', async (path, format, status, code) => {
  const reply = await archive(path, format);
  expect([reply.statusCode, JSON.parse((await read(reply)).toString())]).toEqual([
    status,
    { error: expect.any(String) as string, code },
  ]);
});

test('links out of the folder are packaged as links', async () => {
  await mkdir(join(workspace, 'links'));
  await symlink('/etc/shadow', join(workspace, 'links/shadow'));
  await writeFile(join(workspace, 'links/data'), randomBytes(10));
  for (const format of ['zip', 'tar.zst']) {
    const reply = await archive('links', format);
    expect((await read(reply)).toString('latin1')).not.toContain('root:');
    expect(reply.trailers[ARCHIVE_TRAILER]).toBe('whole');
  }
});
