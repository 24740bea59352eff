import { BanataSandbox, type FileWatchEvent, type Sandbox } from '@banata-boxes/sdk';
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tarOf } from './support/archives.ts';
import { CaseTable, codeOf } from './support/case-table.ts';
import { Installation } from './support/installation.ts';
import { MemoryWatch } from './support/memory-watch.ts';
import { putBlocks } from './support/put-blocks.ts';
import { until } from './support/until.ts';

const MIB = 1024 ** 2;
/** Files made under a watch. */
const FLOOD = 40_000;
let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;
let key: string;
const cases = new CaseTable();

beforeAll(async () => {
  installation = await Installation.start({ BANATA_WARM: '0' });
  key = await installation.apiKey();
  banata = new BanataSandbox({ apiKey: key, baseUrl: installation.url });
  sandbox = await banata.launch();
});

afterAll(async () => {
  cases.print();
  await installation?.remove();
});

async function shell(command: string, user: 'user' | 'root' = 'user'): Promise<string> {
  const { stdout, stderr } = await sandbox.exec(command, undefined, { user });
  return (stdout + stderr).trim();
}

function fileUrl(path: string, route = 'file'): string {
  return `${installation.url}/v1/sandboxes/fs/${route}?${new URLSearchParams({ id: sandbox.id, path })}`;
}

function call(
  url: string,
  init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(url, { ...init, headers: { authorization: `Bearer ${key}`, ...init.headers } });
}

describe('operations', () => {
  test('folders are made, moved, listed in pages, looked at and removed', async () => {
    const { fs } = sandbox;
    expect(await fs.mkdir('ops/a/b', { mode: '0750' })).toEqual({
      path: '/workspace/ops/a/b',
      created: true,
    });
    expect(await fs.mkdir('ops/a/b')).toMatchObject({ created: false });
    await fs.write('ops/a/b/one.txt', 'one');
    expect(await fs.stat('ops/a/b')).toMatchObject({
      type: 'directory',
      mode: '0750',
      uid: 1000,
      target: null,
    });
    await fs.chmod('ops/a/b/one.txt', '0600');
    await fs.move('ops/a/b/one.txt', 'ops/deep/er/two.txt');
    expect(await fs.stat('ops/deep/er/two.txt')).toMatchObject({ type: 'file', size: 3, mode: '0600' });
    expect(await fs.exists('ops/a/b/one.txt')).toBe(false);
    await fs.write('ops/three.txt', '3');
    expect(await codeOf(fs.move('ops/three.txt', 'ops/deep/er/two.txt'))).toBe('FILE_EXISTS');
    await fs.move('ops/three.txt', 'ops/deep/er/two.txt', { overwrite: true });
    // To another file system.
    await fs.move('ops/deep', '/home/user/deep');
    expect(await fs.read('/home/user/deep/er/two.txt')).toBe('3');
    await shell('cd ops && ln -s a link && touch b c d');
    expect(await fs.stat('ops/link')).toMatchObject({ type: 'symlink', target: 'a' });
    expect(await fs.stat('ops/link', { follow: true })).toMatchObject({ type: 'directory', target: null });
    const first = await fs.list('ops', { limit: 2 });
    expect([first.entries.map(({ name }) => name), first.truncated]).toEqual([['a', 'b'], true]);
    const second = await fs.list('ops', { cursor: first.nextCursor ?? '' });
    expect([second.entries.map(({ name }) => name), second.nextCursor]).toEqual([['c', 'd', 'link'], null]);
    expect(await codeOf(fs.remove('ops'))).toBe('DIRECTORY_NOT_EMPTY');
    await fs.remove('ops', { recursive: true });
    expect(await codeOf(fs.remove('ops'))).toBe('FILE_NOT_FOUND');
    expect(await codeOf(fs.remove('/workspace', { recursive: true }))).toBe('PATH_PROTECTED');
  });

  test('glob and grep find what is there', async () => {
    await shell(
      `mkdir -p find/src/deep find/.hidden && cd find && git init -q . && echo built > .gitignore &&
       echo 'const needle = 1;' > src/a.ts && echo 'let x; // NEEDLE' > src/deep/b.ts && echo needle > built &&
       echo needle > .hidden/c.ts && echo plain > top.ts && printf 'needle\\0' > binary.ts`,
    );
    const names = async (pattern: string): Promise<string[]> => {
      const { entries } = await sandbox.fs.glob(pattern, { path: 'find' });
      return entries.map(({ path }) => path.replace('/workspace/find/', ''));
    };
    expect(await names('*.ts')).toEqual(['binary.ts', 'top.ts']);
    expect(await names('**/*.ts')).toEqual([
      '.hidden/c.ts',
      'binary.ts',
      'src/a.ts',
      'src/deep/b.ts',
      'top.ts',
    ]);
    expect(await names('src/*.{ts,js}')).toEqual(['src/a.ts']);
    expect(await names('b*')).toEqual(['binary.ts', 'built']);
    expect(await sandbox.fs.glob('**', { path: 'find', limit: 1 })).toMatchObject({ truncated: true });
    const found = await sandbox.fs.grep('needle', { path: 'find' });
    expect(found).toEqual({
      matches: [
        { path: '/workspace/find/src/a.ts', line: 1, column: 7, text: 'const needle = 1;', truncated: false },
      ],
      truncated: false,
    });
    const all = await sandbox.fs.grep('needle', {
      path: 'find',
      ignoreCase: true,
      hidden: true,
      ignored: true,
    });
    expect(all.matches.map(({ path }) => path.slice(16))).toEqual([
      '.hidden/c.ts',
      'built',
      'src/a.ts',
      'src/deep/b.ts',
    ]);
    expect(
      (await sandbox.fs.grep('x; //', { path: 'find', fixed: true, include: '*.ts' })).matches,
    ).toHaveLength(1);
    expect(await codeOf(sandbox.fs.grep('(', { path: 'find' }))).toBe('INVALID_REQUEST');
    expect(await codeOf(sandbox.fs.grep('x', { path: 'nowhere' }))).toBe('FILE_NOT_FOUND');
    expect(await codeOf(sandbox.fs.glob('/x'))).toBe('INVALID_REQUEST');
  });

  test('JSON carries bytes as base64, both ways', async () => {
    const content = Buffer.from([0xff, 0, 0x80]).toString('base64');
    const reply = await call(fileUrl('', 'write').split('?')[0] ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: sandbox.id, path: 'bytes', content, encoding: 'base64' }),
    });
    expect(reply.status).toBe(200);
    expect(await (await call(fileUrl('bytes', 'read'))).json()).toMatchObject({
      content,
      encoding: 'base64',
    });
    await sandbox.fs.write('text', 'text');
    expect(await (await call(`${fileUrl('text', 'read')}&encoding=base64`)).json()).toMatchObject({
      content: 'dGV4dA==',
      encoding: 'base64',
    });
  });
});

describe('raw bytes', () => {
  test('HEAD, ranges and conditions', async () => {
    await sandbox.fs.write('digits', '0123456789', { mode: '0640' });
    const url = fileUrl('digits');
    const head = await call(url, { method: 'HEAD' });
    const etag = head.headers.get('etag') ?? '';
    expect([head.status, head.headers.get('content-length'), head.headers.get('accept-ranges')]).toEqual([
      200,
      '10',
      'bytes',
    ]);
    const part = async (range: string, more = {}): Promise<[number, string | null, string]> => {
      const reply = await call(url, { headers: { range, ...more } });
      return [reply.status, reply.headers.get('content-range'), await reply.text()];
    };
    expect(await part('bytes=2-4')).toEqual([206, 'bytes 2-4/10', '234']);
    expect(await part('bytes=7-')).toEqual([206, 'bytes 7-9/10', '789']);
    expect(await part('bytes=-3')).toEqual([206, 'bytes 7-9/10', '789']);
    expect(await part('bytes=8-99')).toEqual([206, 'bytes 8-9/10', '89']);
    expect(await part('bytes=5-2')).toEqual([200, null, '0123456789']);
    expect(await part('bytes=0-1,4-5')).toEqual([200, null, '0123456789']);
    expect((await part('bytes=10-')).slice(0, 2)).toEqual([416, 'bytes */10']);
    expect((await part('bytes=2-4', { 'if-range': etag }))[0]).toBe(206);
    expect((await part('bytes=2-4', { 'if-range': '"other"' }))[0]).toBe(200);
    expect((await call(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
    await sandbox.fs.write('digits', '0123456789');
    expect((await call(url, { headers: { 'if-none-match': etag } })).status).toBe(200);
    expect((await sandbox.fs.stat('digits')).mode).toBe('0640');
    const stream = await sandbox.fs.readStream('digits', { start: 3, end: 5 });
    expect(await new Response(stream).text()).toBe('345');
    expect((await call(fileUrl('nowhere'), { method: 'HEAD' })).status).toBe(404);
    await sandbox.fs.write('empty', '');
    expect(await (await call(fileUrl('empty'))).text()).toBe('');
    expect((await call(fileUrl('empty'), { headers: { range: 'bytes=0-' } })).status).toBe(416);
  });

  test('a stream is written as it comes; one that is cut off leaves nothing', async () => {
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    const writer = writable.getWriter();
    const written = sandbox.fs.write('streamed', readable);
    for (const text of ['one ', 'two']) await writer.write(new TextEncoder().encode(text));
    await writer.close();
    expect(await written).toEqual({ path: '/workspace/streamed', size: 7 });

    const upload = httpRequest(fileUrl('cut/file'), {
      method: 'PUT',
      headers: { authorization: `Bearer ${key}`, 'content-length': 10 * MIB },
    });
    upload.on('error', () => undefined);
    upload.write(Buffer.alloc(MIB));
    await until('a temporary file', async () =>
      (await shell('ls -A cut')).includes('.banata-') ? true : undefined,
    );
    upload.destroy();
    await until('nothing', async () => ((await shell('ls -A cut')) === '' ? true : undefined), 5_000);
  });

  test('of several writers at once one wins whole, and readers see a whole file', async () => {
    const contents = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(3 * MIB));
    await sandbox.fs.write('contested', contents[0] ?? '');
    const readers = Array.from({ length: 8 }, () => sandbox.fs.read('contested'));
    const [seen] = await Promise.all([
      Promise.all(readers),
      Promise.all(contents.map((content) => sandbox.fs.write('contested', content))),
    ]);
    for (const text of [...seen, await sandbox.fs.read('contested')])
      expect(contents.includes(text)).toBe(true);
  });
});

describe('archives', () => {
  test('a folder comes back as it went, in every format', async () => {
    const big = randomBytes(2 * MIB);
    const archive = await tarOf([
      { name: 'tree/', type: 'directory', mode: 0o750 },
      { name: 'tree/run.sh', mode: 0o755, content: '#!/bin/sh\n', mtime: new Date(1_700_000_000_000) },
      { name: 'tree/ünï–漢字', content: 'name' },
      { name: `tree/${'long/'.repeat(40)}file`, content: 'deep' },
      { name: 'tree/big', content: big },
      { name: 'tree/link', type: 'symlink', linkname: 'run.sh' },
      { name: 'tree/hard', type: 'link', linkname: 'tree/run.sh' },
      { name: 'tree/closed/', type: 'directory', mode: 0o555 },
      { name: 'tree/closed/file', mode: 0o444, content: 'x' },
    ]);
    expect(await sandbox.fs.upload(archive, { path: 'unpacked' })).toEqual({
      path: '/workspace/unpacked',
      files: 5,
      folders: 2,
      links: 2,
      bytes: 10 + 4 + 4 + big.length + 1,
    });
    expect(await sandbox.fs.stat('unpacked/tree/run.sh')).toMatchObject({
      mode: '0755',
      uid: 1000,
      modifiedAt: 1_700_000_000_000,
    });
    expect(await sandbox.fs.stat('unpacked/tree/closed')).toMatchObject({ mode: '0555' });
    for (const format of ['tar', 'tar.gz', 'tar.zst'] as const) {
      const stream = await sandbox.fs.download('unpacked/tree', { format });
      const back = await sandbox.fs.upload(stream, { path: `again-${format}` });
      expect(back).toMatchObject({ files: 5, links: 2, bytes: 19 + big.length });
      expect(await shell(`diff -r --no-dereference unpacked/tree again-${format} && echo same`)).toBe('same');
    }
    await shell('mkdir nothing unzipped');
    for (const path of ['unpacked/tree', 'unpacked/tree/run.sh', 'nothing']) {
      await sandbox.fs.write('packed.zip', await sandbox.fs.download(path, { format: 'zip' }));
      const into = `unzipped/${path.replaceAll('/', '-')}`;
      const there = path.endsWith('.sh') ? `${into}/run.sh` : into;
      // unzip warns of an archive of nothing.
      const unzip = `mkdir ${into}; unzip -q packed.zip -d ${into} 2>/dev/null || true`;
      expect(await shell(`${unzip}; diff -r --no-dereference ${path} ${there} && echo same`)).toBe('same');
    }
    const one = await sandbox.fs.download('unpacked/tree/run.sh');
    expect(await sandbox.fs.upload(one, { path: 'one' })).toMatchObject({ files: 1, bytes: 10 });
    expect(await codeOf(sandbox.fs.download('nowhere'))).toBe('FILE_NOT_FOUND');
    await shell('mkdir -p partly && echo x > partly/open && install -m 600 /dev/null partly/closed', 'root');
    expect(await codeOf(sandbox.fs.download('partly'))).toBe('FILE_ACCESS_DENIED');
    const rest = await sandbox.fs.download('partly', { skipUnreadable: true });
    expect(await sandbox.fs.upload(rest, { path: 'rest' })).toMatchObject({ files: 1 });
    expect(await codeOf(sandbox.fs.download('partly', { format: 'zip' }))).toBe('FILE_ACCESS_DENIED');
    await sandbox.fs.write(
      'rest.zip',
      await sandbox.fs.download('partly', { format: 'zip', skipUnreadable: true }),
    );
    expect(await shell('unzip -Z1 rest.zip')).toBe('open');
  });

  test('many small files', async () => {
    const entries = Array.from({ length: 10_000 }, (_, index) => ({
      name: `many/${index % 100}/${index}.txt`,
      content: `file ${index}\n`,
    }));
    const archive = await tarOf(entries);
    await cases.noted(
      '10,000 small files up, one tar',
      () => sandbox.fs.upload(archive),
      ({ files, folders }) => `${files} files, ${folders} folders in the archive`,
    );
    const down = await cases.noted(
      '10,000 small files down, one tar',
      async () => new Response(await sandbox.fs.download('many')).arrayBuffer(),
      ({ byteLength }) => `${Math.round(byteLength / MIB)} MiB`,
    );
    expect(down.byteLength).toBeGreaterThan(10_000 * 1024);
    await shell('mkdir flat && cd flat && seq -w 10000 | xargs touch');
    const listing = await cases.noted(
      '10,000 files in one folder, listed',
      () => sandbox.fs.list('flat'),
      ({ entries: found, truncated }) => `${found.length} entries, truncated ${truncated}`,
    );
    expect([listing.entries.length, listing.truncated]).toEqual([10_000, false]);
  });
});

describe('signed links', () => {
  test('let in who has them, to one file, one way, for a time', async () => {
    await sandbox.fs.write('page.html', '<script>alert(1)</script>');
    const download = await sandbox.fs.sign('page.html', { operation: 'read' });
    expect(download).toMatchObject({ method: 'GET', path: '/workspace/page.html' });
    const reply = await fetch(download.url, { headers: { origin: 'https://app.example' } });
    expect(await reply.text()).toBe('<script>alert(1)</script>');
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': "attachment; filename*=UTF-8''page.html",
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
    });
    const part = await fetch(download.url, { headers: { range: 'bytes=0-7' } });
    expect([part.status, await part.text()]).toEqual([206, '<script>']);
    expect((await fetch(download.url, { method: 'HEAD' })).headers.get('content-length')).toBe('25');
    expect((await fetch(download.url, { method: 'PUT', body: 'x' })).status).toBe(401);

    const upload = await sandbox.fs.sign('in/new.csv', { operation: 'write', maxBytes: 10 });
    const preflight = await fetch(upload.url, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([
      204,
      'GET, HEAD, PUT',
    ]);
    expect((await fetch(upload.url)).status).toBe(401);
    const tooLong = await fetch(upload.url, { method: 'PUT', body: 'x'.repeat(11) });
    expect([tooLong.status, tooLong.headers.get('access-control-allow-origin')]).toEqual([413, '*']);
    expect(await sandbox.fs.exists('in/new.csv')).toBe(false);
    const done = await fetch(upload.url, { method: 'PUT', body: 'x'.repeat(10) });
    expect([done.status, await done.json()]).toEqual([200, { path: '/workspace/in/new.csv', size: 10 }]);
  });

  test('end by themselves, and with the sandbox', async () => {
    await sandbox.fs.write('short.txt', 'x');
    const short = await sandbox.fs.sign('short.txt', { operation: 'read', expiresInMs: 1000 });
    const forged = short.url.replace(/token=.{10}/, 'token=AAAAAAAAAA');
    expect((await fetch(forged)).status).toBe(401);
    await sleep(1_050);
    const late = await fetch(short.url);
    expect([late.status, (await late.json()) as object]).toEqual([
      401,
      expect.objectContaining({ code: 'LINK_INVALID' }),
    ]);
    const other = await banata.launch();
    await other.fs.write('a', 'a');
    const { url } = await other.fs.sign('a', { operation: 'read' });
    expect((await fetch(url)).status).toBe(200);
    await other.kill();
    expect((await fetch(url)).status).toBe(401);
  });
});

describe('watching', () => {
  test('tells what is made, changed and removed, below too', async () => {
    await sandbox.fs.mkdir('watched/sub');
    const seen: FileWatchEvent[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of sandbox.fs.watch('watched', { recursive: true, signal: stop.signal }))
        seen.push(event);
    })();
    const has = (type: string, path: string) => () =>
      Promise.resolve(
        seen.some((event) => event.type === type && 'path' in event && event.path === `/workspace/${path}`) ||
          undefined,
      );
    await until('ready', has('ready', 'watched'));
    await sandbox.fs.write('watched/a', '1');
    await until('created', has('created', 'watched/a'));
    await sandbox.fs.write('watched/a', '2');
    await until('modified', has('modified', 'watched/a'));
    await shell('echo x >> watched/sub/b; mkdir -p watched/new/er; echo y > watched/new/er/c');
    await until('below', has('created', 'watched/sub/b'));
    await until('in a new folder', has('created', 'watched/new/er/c'));
    await sleep(200);
    await shell('echo z >> watched/new/er/c; rm watched/a');
    await until('modified in a new folder', has('modified', 'watched/new/er/c'));
    await until('removed', has('removed', 'watched/a'));
    await shell('rm -r watched');
    await watching;
    expect(await codeOf(sandbox.fs.watch('nowhere').next())).toBe('FILE_NOT_FOUND');
    expect(await codeOf(sandbox.fs.watch('/etc/passwd').next())).toBe('NOT_A_DIRECTORY');
  });

  test('says when it lost changes, and goes on', async () => {
    await sandbox.fs.mkdir('flood');
    const seen: FileWatchEvent[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of sandbox.fs.watch('flood', { signal: stop.signal })) seen.push(event);
    })().catch(() => undefined);
    await until('ready', () => Promise.resolve(seen[0]));
    await shell(`cd flood && seq ${FLOOD} | xargs touch`);
    // Where programs are slow, as in gVisor on a busy machine, the watch may keep up and lose nothing.
    const lost = (): boolean => seen.some(({ type }) => type === 'overflow');
    const files = (): Set<string> =>
      new Set(seen.flatMap((event) => ('path' in event && event.type !== 'ready' ? [event.path] : [])));
    await cases.noted(
      '40,000 files made under a watch',
      () =>
        until(
          'overflow, or all',
          () => Promise.resolve(lost() || files().size === FLOOD || undefined),
          60_000,
        ),
      () => `${lost() ? 'overflow' : 'each file'} told; ${seen.length} events`,
    );
    await until('changes go on', async () => {
      await sandbox.fs.write(`flood/after-${Date.now()}`, 'x');
      return seen.some((event) => 'path' in event && event.path.includes('after-')) || undefined;
    });
    stop.abort();
    await watching;
  }, 120_000);
});

describe('a long file', () => {
  /** With `--all` the long way. */
  const BYTES = (process.env['BANATA_TEST_ALL'] === '1' ? 5 * 1024 : 256) * MIB;
  const block = randomBytes(MIB);

  test('goes up and down at flat memory', async () => {
    const memory = await MemoryWatch.start(installation, sandbox);
    const rate = (ms: number): string => `${Math.round(BYTES / 1e6 / (ms / 1000))} MB/s`;
    const sent = createHash('sha256');
    let began = performance.now();
    const written = await cases.noted(
      `${BYTES / MIB} MiB up`,
      () =>
        putBlocks(fileUrl('long'), { key, block, count: BYTES / MIB, onBlock: (one) => sent.update(one) }),
      () => rate(performance.now() - began),
    );
    expect(written).toBe(200);
    expect((await sandbox.fs.stat('long')).size).toBe(BYTES);
    const received = createHash('sha256');
    began = performance.now();
    await cases.noted(
      `${BYTES / MIB} MiB down`,
      async () => {
        for await (const chunk of await sandbox.fs.readStream('long')) received.update(chunk);
      },
      () => rate(performance.now() - began),
    );
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    const { serverMib, boxMib } = await cases.noted(
      'memory meanwhile',
      () => memory.stop(),
      (peak) => `server grew by ${peak.serverMib} MiB; largest process of the box ${peak.boxMib} MiB`,
    );
    // Far below the file, and the same for any length.
    expect(serverMib).toBeLessThan(192);
    expect(boxMib).toBeLessThan(300);
    await sandbox.fs.remove('long');
  }, 900_000);
});
