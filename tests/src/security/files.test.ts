import { BanataError, BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { afterAll, beforeAll, describe, expect } from 'vitest';
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

const routes: Record<string, (path: string) => Promise<unknown>> = {
  'fs/read': read,
  'artifacts publish': (path) => sandbox.publishArtifact(path),
};

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
    securityCase(`${route} of a sparse file of 1 TiB`, async () => {
      await run('truncate -s 1T /workspace/sparse');
      const began = Date.now();
      const said = await refused(call('/workspace/sparse'));
      expect(Date.now() - began).toBeLessThan(5_000);
      return said;
    });
  }

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
  for (const target of targets) {
    securityCase(`fs/write of ${target}`, () => refused(sandbox.fs.write(target, 'x')));
    securityCase(`fs/write of a symbolic link to ${target}`, async () => {
      await run(`ln -sfn ${target} /workspace/link`);
      return refused(sandbox.fs.write('/workspace/link', 'x'));
    });
  }

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
