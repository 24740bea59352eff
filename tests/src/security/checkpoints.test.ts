import { BanataError, BanataSandbox, type Checkpoint, type Sandbox } from '@banata-boxes/sdk';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { tarOf, type ArchiveEntry } from '../support/archives.ts';
import { changeDatabase, StoredObjects } from '../support/in-server.ts';
import { Installation } from '../support/installation.ts';
import { S3Store } from '../support/s3-store.ts';
import { until } from '../support/until.ts';
import { securityCase } from './support/case.ts';
import { testedIsolation } from './support/isolation.ts';

const MINUTE = 60_000;
const SECRET = 'host-canary-5f1c';
const TREE = '/workspace/tree.py';
/** From the top of a copy of a disk, while it is unpacked, to {@link outside}. */
const OUTSIDE = '../../../../outside';

let store: S3Store;
let objects: StoredObjects;
let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;
/** Folder of the host that archives point to. */
let outside: string;
/** Content of the note of a disk of this installation. */
let note: string;
const copies = (): string => join(installation.home, 'oci/pool/checkpoints');

beforeAll(async () => {
  store = await S3Store.start();
  objects = new StoredObjects(store.env);
  // Copies leave the server's disk once they are in the object store, so that restores come from there.
  const local = { BANATA_WARM: '0', BANATA_CHECKPOINT_LOCAL_HOURS: '0' };
  installation = await Installation.start({ ...store.env, ...local });
  outside = join(installation.home, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'secret'), SECRET);
  banata = new BanataSandbox({
    apiKey: await installation.apiKey(),
    baseUrl: installation.url,
    retry: { maxRetries: 0 },
  });
  sandbox = await banata.launch();
  const disks = join(installation.home, 'oci/pool/boxes');
  const [disk = ''] = await readdir(disks);
  note = await readFile(join(disks, disk, 'image.json'), 'utf8');
}, 3 * MINUTE);

afterAll(async () => {
  await installation?.remove();
  await store?.remove();
}, 2 * MINUTE);

async function root(box: Sandbox, command: string): Promise<string> {
  const { stdout, stderr, exitCode } = await box.exec(command, undefined, { user: 'root', timeout: 30_000 });
  if (exitCode !== 0) throw new Error(`"${command}" ended with ${exitCode}: ${stderr}`);
  return stdout.trim();
}

/** A checkpoint that is in the object store, and nowhere else. */
async function storedOnly(box: Sandbox): Promise<Checkpoint & { key: string }> {
  const { id } = await box.checkpoint();
  const stored = await until(
    'the upload',
    async () => {
      const found = await box.checkpoints.get(id);
      return found.state === 'stored' ? found : undefined;
    },
    MINUTE,
  );
  await away(id);
  return { ...stored, key: objects.find(id) };
}

/** Waits until the server's disk has no copy of a checkpoint. */
async function away(id: string): Promise<void> {
  const gone = async (): Promise<true | undefined> => !(await readdir(copies())).includes(id) || undefined;
  await until('the copy to leave the server’s disk', gone, 2 * MINUTE);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'done',
    (error: unknown) => (error instanceof BanataError ? error.code : String(error)),
  );
}

describe(`a tree that means harm, through the object store (${testedIsolation()})`, () => {
  securityCase(
    'links, hard links, FIFO, devices, setuid, attributes, odd names: packed, uploaded, restored and forked',
    async () => {
      await sandbox.fs.write(
        TREE,
        await readFile(new URL('support/hostile-tree.py', import.meta.url), 'utf8'),
      );
      const refused = await root(sandbox, `python3 ${TREE}`);
      for (const what of ['character device', 'block device']) expect(refused).toContain(`${what}: `);
      // gVisor has no attributes on files of the disk.
      const made = testedIsolation() === 'gvisor' ? /^attributes: /m : /^$/;
      expect(refused.replace(made, 'none: ')).not.toMatch(
        /^(names|links|hard_links|setuid|sparse|attributes): /m,
      );
      const before = await root(sandbox, `python3 ${TREE} show`);
      expect(before).toContain('0o106755');
      const { id, size, storedSize } = await storedOnly(sandbox);
      await root(
        sandbox,
        'chmod 755 /workspace/tree/closed; rm -rf /workspace/tree; echo later >/workspace/later',
      );
      await sandbox.restoreCheckpoint(id);
      expect(sameFiles(await root(sandbox, `python3 ${TREE} show`))).toEqual(sameFiles(before));
      await away(id);
      await using fork = await sandbox.fork({ checkpointId: id });
      expect(sameFiles(await root(fork, `python3 ${TREE} show`))).toEqual(sameFiles(before));
      const bits = await fork.exec('/workspace/tree/id -u; /opt/id -u; grep -i ^capprm /proc/self/status');
      expect(bits.stdout).toMatch(/^[1-9]\d*\n[1-9]\d*\nCapPrm:\s*0+\n$/);
      await expectHostUntouched();
      return `${before.split('\n').length} files the same (${size} bytes, ${storedSize} stored); refused to root: ${refused}`;
    },
    3 * MINUTE,
  );

  securityCase(
    'folders deeper than a path may be long: stay on the server’s disk, where they can be restored from',
    async () => {
      await root(
        sandbox,
        `python3 -c "
import os
os.makedirs('/workspace/deep'); os.chdir('/workspace/deep')
for n in range(60):
    os.mkdir('x' * 200); os.chdir('x' * 200)
open('bottom', 'w').write('reached')"`,
      );
      const { id } = await sandbox.checkpoint();
      const tried = await until(
        'the upload to be tried',
        async () => {
          const found = await sandbox.checkpoints.get(id);
          return found.reason === null ? undefined : found;
        },
        MINUTE,
      );
      expect(tried.state).toBe('local');
      await root(sandbox, 'rm -rf /workspace/deep');
      await sandbox.restoreCheckpoint(id);
      expect(await root(sandbox, 'find /workspace/deep -name bottom | wc -l')).toBe('1');
      await sandbox.checkpoints.delete(id);
      await root(sandbox, 'rm -rf /workspace/deep');
      return `12 KB of folders: ${tried.state}, "${tried.reason}"; restored from there`;
    },
    3 * MINUTE,
  );
});

/** gVisor keeps FIFOs in its memory (docs/checkpoints.md); no archive takes sockets. */
function sameFiles(listing: string): string[] {
  const own = testedIsolation() === 'gvisor' ? /'0o10\d{3}'/ : /^$/;
  return listing.split('\n').filter((line) => !own.test(line) && !/tree\/socket'/.test(line));
}

async function expectHostUntouched(): Promise<void> {
  expect(await readdir(outside)).toEqual(['secret']);
  expect(await readFile(join(outside, 'secret'), 'utf8')).toBe(SECRET);
}

describe('an archive that was changed in the object store', () => {
  let checkpoint: Checkpoint & { key: string };
  let original: Buffer;

  beforeAll(async () => {
    await root(
      sandbox,
      'rm -rf /workspace/*; echo one >/workspace/file; head -c 300000 /dev/urandom >/workspace/data',
    );
    checkpoint = await storedOnly(sandbox);
    original = objects.get(checkpoint.key);
    await root(sandbox, 'echo present >/workspace/file; (sleep 5000 & echo $!) >/workspace/pid');
  }, 3 * MINUTE);

  const changes: [string, (content: Buffer) => Promise<Buffer | undefined> | Buffer | undefined][] = [
    ['one bit turned', (content) => turned(content, content.length >> 1)],
    ['one bit of the checksum at its end turned', (content) => turned(content, content.length - 1)],
    ['cut off', (content) => content.subarray(0, content.length - 1)],
    ['cut in half', (content) => content.subarray(0, content.length >> 1)],
    ['with something behind it', (content) => Buffer.concat([content, Buffer.alloc(1024)])],
    ['the same files packed anew', async () => archive(...base())],
    ['empty', () => Buffer.alloc(0)],
    ['gone', () => undefined],
  ];
  for (const [what, change] of changes) {
    securityCase(`${what}: by its checksum`, async () => {
      const content = await change(original);
      if (content) objects.put(checkpoint.key, content);
      else objects.remove(checkpoint.key);
      const said = [await codeOf(sandbox.restoreCheckpoint(checkpoint.id))];
      // Nothing was changed: file and process are as they were.
      expect(await root(sandbox, 'cat /workspace/file; kill -0 $(cat /workspace/pid) && echo runs')).toBe(
        'present\nruns',
      );
      said.push(await codeOf(sandbox.fork({ checkpointId: checkpoint.id })));
      expect(said[0]).toBe('CHECKPOINT_DAMAGED');
      expect(said[1]).toMatch(/^(CHECKPOINT_DAMAGED|SANDBOX_FAILED)$/);
      expect((await readdir(copies())).filter((name) => name.startsWith(checkpoint.id))).toEqual([]);
      return `restore ${said[0]}, fork ${said[1]}, the sandbox goes on`;
    });
  }

  const hostile: [string, (...inner: ArchiveEntry[]) => ArchiveEntry[], ArchiveEntry[]][] = [
    ['a name with ..', base, [{ name: `workspace/../${OUTSIDE}/planted`, content: 'x' }]],
    [
      'a link, then a file through it',
      base,
      [link('workspace/way', `../${OUTSIDE}`), { name: 'workspace/way/planted', content: 'x' }],
    ],
    [
      'a link in the place of a folder that was there',
      base,
      [
        { name: 'workspace/d', type: 'directory' },
        link('workspace/d', `../${OUTSIDE}`),
        { name: 'workspace/d/planted', content: 'x' },
      ],
    ],
    ['a hard link to a file of the host', base, [hard('workspace/stolen')]],
    [
      'a hard link through a link',
      base,
      [link('workspace/way', `../${OUTSIDE}`), hard('workspace/stolen', 'workspace/way/secret')],
    ],
    [
      'the writable layer is a link to the host',
      (...inner) => base(...inner).filter(isNot('upper')),
      [link('upper')],
    ],
    [
      '/workspace is a link to the host',
      (...inner) => base(...inner).filter(isNot('workspace')),
      [link('workspace')],
    ],
    [
      '/workspace is a link to the writable layer',
      (...inner) => base(...inner).filter(isNot('workspace')),
      [link('workspace', 'upper')],
    ],
    ['a link where the host writes its own files', base, [link('hosts', `${OUTSIDE}/secret`)]],
    ['a folder of its own beside the others', base, [{ name: 'work/work', type: 'directory' }]],
    ['an absolute name', base, [{ name: '/etc/planted', content: 'x' }]],
    ['the note is a link', (...inner) => base(...inner).filter(isNot('image.json')), [link('image.json')]],
    ['nothing in it', () => [], []],
  ];
  for (const [what, around, inner] of hostile) {
    securityCase(`${what}, and the checksum in the database is changed with it: by its names`, async () => {
      await substitute(await archive(...around(...inner)));
      const said = await codeOf(sandbox.restoreCheckpoint(checkpoint.id));
      expect(said).toBe('CHECKPOINT_DAMAGED');
      expect(await root(sandbox, 'cat /workspace/file; kill -0 $(cat /workspace/pid) && echo runs')).toBe(
        'present\nruns',
      );
      await expectHostUntouched();
      expect((await readdir(copies())).filter((name) => name.startsWith(checkpoint.id))).toEqual([]);
      return `${said}, the sandbox goes on, the host has what it had`;
    });
  }

  securityCase('another image’s folders in the note: /etc of the host as a layer', async () => {
    const layers = JSON.stringify({ layers: ['/', outside, join(outside, '../outside')] });
    await substitute(
      await archive(...base().filter(isNot('image.json')), { name: 'image.json', content: layers }),
    );
    await using box = await sandbox.fork({ checkpointId: checkpoint.id });
    expect(await root(box, 'ls /secret /outside 2>&1 | cat; cat /workspace/kept')).toMatch(
      /No such[^]*kept$/,
    );
    await away(checkpoint.id);
    return 'the layers of the installation are used, /workspace alone comes back';
  });

  securityCase('device nodes of the host’s disk and memory: unpacked, of no effect', async () => {
    const nodes = [
      { name: 'sda', type: 'block-device' as const, devmajor: 8, devminor: 0, mode: 0o666 },
      { name: 'mem', type: 'character-device' as const, devmajor: 1, devminor: 1, mode: 0o666 },
      { name: 'vda', type: 'block-device' as const, devmajor: 254, devminor: 0, mode: 0o666 },
    ];
    const everywhere = ['workspace', 'upper'].flatMap((part) =>
      nodes.map((node) => ({ ...node, name: `${part}/${node.name}` })),
    );
    await substitute(await archive(...base(...everywhere)));
    await using box = await sandbox.fork({ checkpointId: checkpoint.id });
    const tried = await root(
      box,
      'for f in /workspace/sda /workspace/mem /workspace/vda /sda /mem /vda; do head -c 1 $f 2>&1 >/dev/null; done; cat /workspace/kept',
    );
    const refusals = tried.match(/Permission denied|Operation not permitted|No such (device|file)/g) ?? [];
    expect(refusals, tried).toHaveLength(everywhere.length);
    expect(tried).toMatch(/kept$/);
    await away(checkpoint.id);
    return tried;
  });

  function base(...inner: ArchiveEntry[]): ArchiveEntry[] {
    return [
      { name: 'upper', type: 'directory', mode: 0o755 },
      { name: 'workspace', type: 'directory', mode: 0o755 },
      { name: 'workspace/kept', content: 'kept', mode: 0o644 },
      { name: 'image.json', content: note },
      ...inner,
    ];
  }

  function link(name: string, target = OUTSIDE): ArchiveEntry {
    return { name, type: 'symlink', linkname: target };
  }

  function hard(name: string, target = `../${OUTSIDE}/secret`): ArchiveEntry {
    return { name, type: 'link', linkname: target };
  }

  function isNot(part: string): (entry: ArchiveEntry) => boolean {
    return ({ name, type }) => (name !== part && !name.startsWith(`${part}/`)) || type === 'symlink';
  }

  /** Puts other contents in the place of a checkpoint's, as one could who has the store and the database. */
  async function substitute(content: Buffer): Promise<void> {
    const sha256 = createHash('sha256').update(content).digest('hex');
    objects.put(checkpoint.key, content);
    changeDatabase(installation.home, 'update checkpoints set sha256 = $1, stored_size = $2 where id = $3', [
      sha256,
      content.length,
      checkpoint.id,
    ]);
    await away(checkpoint.id);
  }
});

function turned(content: Buffer, at: number): Buffer {
  const copy = Buffer.from(content);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

async function archive(...entries: ArchiveEntry[]): Promise<Buffer> {
  return zstdCompressSync(await tarOf(entries));
}
