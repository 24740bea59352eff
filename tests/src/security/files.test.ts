import { BanataError, BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { hostileArchives, tarOf } from '../support/archives.ts';
import { Installation } from '../support/installation.ts';
import { securityCase } from './support/case.ts';
import { testedIsolation } from './support/isolation.ts';

/** What only root may read in the box; all of them are tried through every route that takes a path. */
// gVisor shows every user of a box the environments of its processes; that of the first holds nothing.
const ROOT_ONLY = [
  '/etc/shadow',
  '/run/banata/boxd.json',
  '/var/lib/banata/config.json',
  ...(testedIsolation() === 'container' ? ['/proc/1/environ'] : []),
];
/** Of devices that never end. */
const MAX_SAMPLE = 4095;
const MAX_UNPACKED = 32 * 1024 ** 2;
const SECRET = /root:[*!]|"token"|sandboxId|LANG=C/;

let installation: Installation;
let sandbox: Sandbox;
let banata: BanataSandbox;

beforeAll(async () => {
  installation = await Installation.start();
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  sandbox = await banata.launch({ capabilities: { browser: {} } });
});

afterAll(() => installation?.remove());

async function run(command: string, user: 'user' | 'root' = 'user'): Promise<string> {
  const { stdout, stderr } = await sandbox.exec(command, undefined, { user, timeout: 20_000 });
  return `${stdout}${stderr}`.trim();
}

/** What a call says that must be refused by the API (not fail inside it); what it may not give is looked for. */
async function refused(call: Promise<unknown>): Promise<string> {
  const outcome = await call.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('value' in outcome) throw new Error(`was not refused: ${JSON.stringify(outcome.value)?.slice(0, 200)}`);
  const { error } = outcome;
  if (!(error instanceof BanataError)) throw error;
  expect(error.code).not.toBe('INTERNAL');
  expect(error.status).toBeLessThan(500);
  expect(error.message).not.toMatch(SECRET);
  return `${error.status} ${error.code}`;
}

/** As the API answers it: the SDK streams, and reads as long as there is more. */
async function read(path: string): Promise<unknown> {
  const query = new URLSearchParams({ id: sandbox.id, path });
  const reply = await fetch(`${installation.url}/v1/sandboxes/fs/read?${query}`, {
    headers: { authorization: `Bearer ${await installation.apiKey()}` },
  });
  const body = (await reply.json()) as { error: string; code: string };
  if (!reply.ok) throw new BanataError({ status: reply.status, code: body.code, message: body.error });
  return body;
}

/** Takes all that comes: a refusal may come after the head of the reply. */
async function drained(stream: Promise<ReadableStream<Uint8Array>>): Promise<string> {
  return new Response(await stream).text();
}

/** Reads through a signed link, as one without a key does. */
async function readByLink(path: string): Promise<unknown> {
  const { url } = await sandbox.fs.sign(path, { operation: 'read' });
  const reply = await fetch(url);
  if (reply.ok) return (await reply.text()).slice(0, 200);
  const body = (await reply.json()) as { error: string; code: string };
  throw new BanataError({ status: reply.status, code: body.code, message: body.error });
}

const routes: Record<string, (path: string) => Promise<unknown>> = {
  'fs/read': read,
  'fs/file of the first bytes': async (path) =>
    drained(sandbox.fs.readStream(path, { start: 0, end: MAX_SAMPLE })),
  'fs/file of bytes beyond the end': (path) => drained(sandbox.fs.readStream(path, { start: 2 ** 52 })),
  'a signed link': readByLink,
  'artifacts publish': (path) => sandbox.publishArtifact(path),
};

/** The same for routes that take a folder, too. */
const treeRoutes: Record<string, (path: string) => Promise<unknown>> = {
  'fs/download': (path) => drained(sandbox.fs.download(path)),
  'fs/grep': async (path) => seen(await sandbox.fs.grep('.', { path, hidden: true, ignored: true })),
  'fs/watch': (path) => sandbox.fs.watch(path).next(),
};

/** Nothing found is a refusal here: programs that search pass over what they may not read. */
function seen({ matches }: { matches: { text: string }[] }): unknown {
  if (matches.length > 0) return matches.map(({ text }) => text);
  throw new BanataError({ status: 404, code: 'NOTHING_FOUND', message: 'nothing was found' });
}

describe(`reading past the user’s rights (${testedIsolation()})`, () => {
  for (const [route, call] of Object.entries(routes)) {
    for (const target of ROOT_ONLY) {
      securityCase(`${route} of ${target}`, () => refused(call(target)));
      securityCase(`${route} of a symbolic link to ${target}`, async () => {
        await run(`ln -sfn ${target} /workspace/link`);
        return refused(call('/workspace/link'));
      });
      securityCase(`${route} of ../..${target}`, () => refused(call(`../..${target}`)));
    }
    for (const path of ['/proc/1/root/etc/shadow', '/proc/kcore', '/dev/zero', '/dev/stdin', '/dev/full']) {
      securityCase(`${route} of ${path}`, () => refused(call(path)));
    }
    securityCase(`${route} of a FIFO that nobody writes to`, async () => {
      await run('rm -f /workspace/fifo; mkfifo /workspace/fifo');
      const began = Date.now();
      const said = await refused(call('/workspace/fifo'));
      expect(Date.now() - began).toBeLessThan(5_000);
      return said;
    });
    securityCase(`${route} of links that lead to each other`, async () => {
      await run('cd /workspace; ln -sfn b a; ln -sfn a b');
      return refused(call('/workspace/a'));
    });
    securityCase(`${route} of a folder`, () => refused(call('/etc')));
    securityCase(`${route} of a file with a name of 256 bytes`, () =>
      refused(call(`/workspace/${'x'.repeat(256)}`)),
    );
    securityCase(`${route} of a path of 4097 bytes`, () => refused(call(`/${'x'.repeat(4096)}`)));
    securityCase(`${route} of a path with a NUL`, () => refused(call('/workspace/a\0b')));
  }

  for (const route of ['fs/read', 'artifacts publish', 'fs/file of bytes beyond the end']) {
    securityCase(`${route} of a sparse file of 1 TiB`, async () => {
      await run('truncate -s 1T /workspace/sparse');
      const began = Date.now();
      const said = await refused(routes[route]?.('/workspace/sparse') ?? Promise.resolve('no such route'));
      expect(Date.now() - began).toBeLessThan(5_000);
      return said;
    });
  }

  for (const [route, call] of Object.entries(treeRoutes)) {
    for (const target of [...ROOT_ONLY, '/root', '/var/lib/banata/exec']) {
      securityCase(`${route} of ${target}`, () => refused(call(target)));
      securityCase(`${route} of a symbolic link to ${target}`, async () => {
        await run(`ln -sfn ${target} /workspace/link`);
        return refused(call('/workspace/link/'));
      });
    }
  }

  securityCase('fs/stat, fs/glob and HEAD tell nothing of what is in folders of root', async () => {
    const said = [
      await refused(sandbox.fs.stat('/root/.bashrc')),
      await refused(sandbox.fs.stat('/var/lib/banata/config.json/../../banata/exec/x')),
    ];
    const { entries } = await sandbox.fs
      .glob('**', { path: '/var/lib/banata' })
      .catch(() => ({ entries: [] }));
    expect(entries).toEqual([]);
    const query = new URLSearchParams({ id: sandbox.id, path: '/etc/shadow' });
    const head = await fetch(`${installation.url}/v1/sandboxes/fs/file?${query}`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${await installation.apiKey()}` },
    });
    expect([head.status, head.headers.get('etag')]).toEqual([403, null]);
    return [...said, 'no entries', `HEAD ${head.status}`].join(', ');
  });

  securityCase('patterns that look like options, or that never end elsewhere', async () => {
    await run(
      'mkdir -p /workspace/search && printf "%s" "$(head -c 5000 /dev/zero | tr \\0 a)" > /workspace/search/a',
    );
    const said = [];
    for (const pattern of ['--pre=id', '-f/etc/shadow', '(a+)+$', '(a|aa)+$', '.*.*.*.*.*.*x']) {
      const began = Date.now();
      const outcome = await sandbox.fs.grep(pattern, { path: '/workspace/search' }).then(
        ({ matches }) => `${matches.length} lines`,
        (error: unknown) => (error as BanataError).code,
      );
      expect(Date.now() - began).toBeLessThan(5_000);
      expect(outcome).toMatch(/^(0 lines|1 lines|INVALID_REQUEST)$/);
      said.push(outcome);
    }
    for (const pattern of ['{a,b}'.repeat(300), '!x', '../../etc/*', '{'.repeat(2000)]) {
      const outcome = await sandbox.fs.glob(pattern, { path: '/workspace/search' }).then(
        ({ entries }) => `${entries.length} files`,
        (error: unknown) => (error as BanataError).code,
      );
      expect(outcome).toMatch(/^(0 files|INVALID_REQUEST)$/);
      said.push(outcome);
    }
    return said.join(', ');
  });

  securityCase('fs/list of folders that only root may enter', async () => {
    const said = [];
    for (const path of ['/root', '/run/banata/..//../root', '/var/lib/banata/exec']) {
      said.push(await refused(sandbox.fs.list(path)));
    }
    return said.join(', ');
  });

  securityCase('hard links to files of root', async () => {
    const said = await run(
      'ln /etc/shadow /workspace/hard; ln /usr/bin/su /workspace/su; ls /workspace/hard',
    );
    expect(said).toContain('No such file');
    return refused(sandbox.fs.read('/workspace/hard'));
  });

  securityCase('a name that changes between file and link while it is read 300 times', async () => {
    await run(
      `cd /workspace; echo harmless > plain; ln -sfn /etc/shadow evil
       (end=$((SECONDS + 6)); while [ $SECONDS -lt $end ]; do cp -P plain t1; mv -T t1 race; cp -P evil t2; mv -T t2 race; done) >/dev/null 2>&1 &`,
    );
    const seen = new Map<string, number>();
    for (let round = 0; round < 300; round += 1) {
      const outcome = await sandbox.fs
        .read('/workspace/race')
        .catch((error: unknown) => (error as BanataError).code);
      expect(outcome).not.toMatch(SECRET);
      seen.set(outcome.trim(), (seen.get(outcome.trim()) ?? 0) + 1);
    }
    expect(seen.get('harmless')).toBeGreaterThan(0);
    return [...seen].map(([what, times]) => `${times} × ${what}`).join(', ');
  });
});

describe('writing past the user’s rights', () => {
  const targets = [
    '/etc/passwd',
    '/opt/banata/lib/boxd.cjs',
    '/run/banata/boxd.json',
    '/proc/version',
    '/usr/bin/env',
  ];
  const writers: Record<string, (path: string) => Promise<unknown>> = {
    'fs/write': (path) => sandbox.fs.write(path, 'x'),
    'a signed link': async (path) => {
      const { url } = await sandbox.fs.sign(path, { operation: 'write' });
      const reply = await fetch(url, { method: 'PUT', body: 'x' });
      if (reply.ok) return reply.text();
      const body = (await reply.json()) as { error: string; code: string };
      throw new BanataError({ status: reply.status, code: body.code, message: body.error });
    },
    'fs/chmod': (path) => sandbox.fs.chmod(path, '0777'),
    'fs/upload into it': async (path) =>
      sandbox.fs.upload(await tarOf([{ name: 'evil', content: 'x' }]), { path }),
  };
  for (const [route, call] of Object.entries(writers)) {
    for (const target of targets) {
      securityCase(`${route} of ${target}`, () => refused(call(target)));
      securityCase(`${route} of a symbolic link to ${target}`, async () => {
        await run(`ln -sfn ${target} /workspace/link`);
        return refused(call('/workspace/link'));
      });
    }
  }
  for (const target of targets) {
    securityCase(`fs/move and fs/remove of ${target}, and fs/move onto it`, async () => {
      await sandbox.fs.write('/workspace/mine', 'x');
      const said = [
        await refused(sandbox.fs.move(target, '/workspace/stolen')),
        await refused(sandbox.fs.remove(target, { recursive: true })),
        await refused(sandbox.fs.move('/workspace/mine', target, { overwrite: true })),
      ];
      expect(await sandbox.fs.exists('/workspace/stolen')).toBe(false);
      return said.join(', ');
    });
  }

  for (const folder of ['/etc', '/root', '/opt/banata']) {
    securityCase(`fs/mkdir and fs/upload in ${folder}, and through a link to it`, async () => {
      await run(`ln -sfn ${folder} /workspace/dir`);
      const archive = await tarOf([{ name: 'evil', content: 'x' }]);
      const said = [];
      for (const path of [folder, '/workspace/dir']) {
        said.push(await refused(sandbox.fs.mkdir(`${path}/evil`)));
        said.push(await refused(sandbox.fs.upload(archive, { path })));
      }
      return said.join(', ');
    });
  }

  securityCase('fs/upload of an archive through a link that was there', async () => {
    await run('mkdir -p /workspace/into; ln -sfn /home/user /workspace/into/way');
    const archive = await tarOf([{ name: 'way/planted', content: 'x' }]);
    const said = await refused(sandbox.fs.upload(archive, { path: '/workspace/into' }));
    expect(await run('ls /home/user/planted')).toContain('No such file');
    return said;
  });

  securityCase('fs/write below a link to /etc', async () => {
    await run('ln -sfn /etc /workspace/dir');
    return refused(sandbox.fs.write('/workspace/dir/evil', 'x'));
  });

  securityCase('fs/write to a FIFO, and to a folder', async () => {
    await run('rm -f /workspace/fifo; mkfifo /workspace/fifo; mkdir -p /workspace/folder');
    const outcomes = [await refused(sandbox.fs.write('/workspace/folder', 'x'))];
    // Replacing the FIFO by a file would do, waiting for a reader would not.
    outcomes.push(
      await sandbox.fs.write('/workspace/fifo', 'x').then(
        () => 'replaced',
        (error: unknown) => (error as BanataError).code,
      ),
    );
    return outcomes.join(', ');
  });

  securityCase('fs/write over a setuid file of root', async () => {
    await run('cp /bin/true /workspace/suid; chmod 4755 /workspace/suid; chmod 1777 /workspace', 'root');
    await sandbox.fs.write('/workspace/suid', '#!/bin/sh\nid -u\n').catch(() => undefined);
    const said = await run('stat -c "%a %U" /workspace/suid; /workspace/suid; chmod 0755 /workspace', 'user');
    expect(said).not.toMatch(/^0$/m);
    return said;
  });

  securityCase('names with quotes, line ends, a leading dash and other alphabets', async () => {
    const names = ["a'b", 'a"b', 'a\nb', '-rf', '$(id)', '`id`', 'ü–漢字.txt', ' ', '*'];
    for (const name of names) {
      await sandbox.fs.write(`/workspace/names/${name}`, name);
      expect(await sandbox.fs.read(`/workspace/names/${name}`)).toBe(name);
      await sandbox.publishArtifact(`/workspace/names/${name}`);
    }
    return `${names.length} names written, read and published as they are`;
  });

  securityCase('a device node, by root in the box', async () => {
    const said = await run('mknod /workspace/sda b 8 0 && head -c 1 /workspace/sda', 'root');
    expect(said).toMatch(/not permitted|denied/i);
    return said;
  });
});

describe('archives that mean harm', () => {
  securityCase('each is refused, or unpacked without the harm', async () => {
    const said = new Map<string, number>();
    await run(
      'rm -rf /workspace/archives; mkdir /workspace/archives; echo kept > /workspace/archives/kept.txt',
    );
    for (const { what, archive, code } of await hostileArchives()) {
      const answer = await sandbox.fs
        .upload(archive, { path: '/workspace/archives/in', maxBytes: MAX_UNPACKED })
        .then(
          () => undefined,
          (error: unknown) => (error as BanataError).code,
        );
      expect(answer, what).toBe(code);
      said.set(answer ?? 'unpacked', (said.get(answer ?? 'unpacked') ?? 0) + 1);
      const outside = 'ls -d /home/user/outside /workspace/outside /workspace/archives/outside 2>/dev/null';
      expect(await run(`${outside}; cat /workspace/archives/kept.txt`), what).toBe('kept');
      expect(await run('find /workspace/archives -perm /7000 -o -type p -o -type b -o -type c'), what).toBe(
        '',
      );
      await run('chmod -R u+w /workspace/archives; rm -rf /workspace/archives/in');
    }
    return [...said].map(([what, times]) => `${times} × ${what}`).join(', ');
  });
});

describe('working directories and addresses', () => {
  for (const cwd of ['/root', '/etc/passwd', '/nowhere', '/workspace/a', 'x'.repeat(5_000)]) {
    securityCase(`exec in ${cwd.slice(0, 40)}`, () => refused(sandbox.exec('pwd', undefined, { cwd })));
  }
  const addresses = [
    'file:///etc/passwd',
    'FILE:///etc/passwd',
    'view-source:file:///etc/passwd',
    'chrome://settings',
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://example.com/',
    'about:blank',
  ];
  for (const url of addresses) {
    securityCase(`navigatePreview to ${url}`, () => refused(sandbox.navigatePreview(url)));
  }
});
