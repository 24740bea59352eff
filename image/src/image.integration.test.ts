import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage, findImage, type SandboxImage } from './build/build-image.ts';
import type { ImageProgress } from './build/progress.ts';
import type { ImageDescription } from './description.ts';
import { exportImage } from './export/export-image.ts';
import { CERTIFICATES } from './testing/certificates.ts';
import { tinyImage } from './testing/tiny-image.ts';

let folder: string;
let cacheDir: string;
let description: ImageDescription;
let image: SandboxImage;
const events: ImageProgress[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'banata-image-'));
  cacheDir = join(folder, 'cache');
  description = tinyImage(join(folder, 'stages'));
  image = await buildImage({ cacheDir, onProgress: (event) => events.push(event) }, description);
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

function workFolders(cache: string): string[] {
  const work = join(cache, 'image/tmp');
  return existsSync(work) ? readdirSync(work) : [];
}

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder));
}

function processesNaming(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });
}

/** Runs a shell command in the merged tree, in namespaces of its own. */
function runInImage(layers: string[], command: string): string {
  const script = `mount -t tmpfs none "$1" && mkdir "$1"/u "$1"/w "$1"/m &&
    mount -t overlay none "$1/m" -o "lowerdir=$2,upperdir=$1/u,workdir=$1/w" && exec chroot "$1/m" /bin/sh -c "$3"`;
  const point = join(folder, 'mnt');
  mkdirSync(point, { recursive: true });
  const args = [
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-ec',
    script,
    'sh',
    point,
    layers.join(':'),
    command,
  ];
  return execFileSync('unshare', args, { timeout: 30_000 }).toString();
}

describe('buildImage', () => {
  it('builds layers that make one tree together', () => {
    expect(image.stages.map((stage) => stage.name)).toEqual(['low', 'high']);
    expect(image.layers).toEqual(image.stages.map((stage) => stage.rootfs).toReversed());
    expect(runInImage(image.layers, 'cd /srv; ls; cat kept added replaced/*')).toBe(
      'added\nkept\nowned\npipe\nreplaced\nsecond-name\nlow\nhigh\nhigh\n',
    );
    const left =
      'cat /etc/machine-id /etc/resolv.conf /etc/hostname; find /var/lib/apt/lists /var/log -type f -size +0';
    expect(runInImage(image.layers, left)).toBe('banata\n');
  });

  it('leaves no work folder and no mount behind', () => {
    expect(workFolders(cacheDir)).toEqual([]);
    expect(mounts()).toEqual([]);
  });

  it('tells what it does, at least once in two seconds', () => {
    const gaps = events.flatMap((event, index) => {
      const next = events[index + 1];
      return next && next.stage === event.stage ? [next.elapsedMs - event.elapsedMs] : [];
    });
    expect(Math.max(...gaps)).toBeLessThan(2000);
    expect(
      events.some((event) => (event.fraction ?? 0) > 0 && /^(unpack|install|retriev)/.test(event.message)),
    ).toBe(true);
  });

  it('answers from the cache in under 50 ms', async () => {
    const startedAt = performance.now();
    expect(await buildImage({ cacheDir }, description)).toEqual(image);
    expect(await findImage({ cacheDir }, description)).toEqual(image);
    expect(performance.now() - startedAt).toBeLessThan(100);
    expect(await findImage({ cacheDir: join(folder, 'other') }, description)).toBeUndefined();
  });

  it('rebuilds only from a changed stage up, and only once when two ask at a time', async () => {
    const changed = {
      ...description,
      stages: description.stages.map((stage) =>
        stage.name === 'high' ? { ...stage, name: 'high2' } : stage,
      ),
    };
    const started: string[] = [];
    const build = () =>
      buildImage(
        {
          cacheDir,
          onProgress: ({ stage, message }) => {
            if (message === 'starting' || stage === 'lock') started.push(stage);
          },
        },
        changed,
      );
    const [first, second] = await Promise.all([build(), build()]);
    expect(first).toEqual(second);
    expect(started.filter((stage) => stage !== 'lock')).toEqual(['high2']);
    expect(started).toContain('lock');
  }, 60_000);

  it('puts the operator’s certificates into the system’s store', async () => {
    const file = join(folder, 'ca.pem');
    writeFileSync(file, CERTIFICATES.one);
    const trusting = await buildImage({ cacheDir, extraCaFile: file }, description);
    expect(trusting.layers.slice(1)).toEqual(image.layers);
    const store = runInImage(trusting.layers, 'cat /etc/ssl/certs/ca-certificates.crt');
    const body = CERTIFICATES.one.split('\n')[1];
    expect(store).toContain(body);
    expect(runInImage(image.layers, 'cat /etc/ssl/certs/ca-certificates.crt')).not.toContain(body);
  }, 60_000);

  it('says what failed, with the end of the log, and leaves the stages below', async () => {
    const broken = tinyImage(join(folder, 'broken'), { 'high/setup.sh': 'echo the reason >&2\nexit 3\n' });
    const failure = buildImage({ cacheDir }, broken);
    await expect(failure).rejects.toMatchObject({ code: 'BUILD_FAILED' });
    await expect(failure).rejects.toThrow(/stage "high"[^]*the reason/);
    expect(workFolders(cacheDir)).toEqual([]);
    expect(await findImage({ cacheDir }, description)).toEqual(image);
  }, 60_000);

  it('stops at once when asked, and leaves nothing', async () => {
    const slow = tinyImage(join(folder, 'slow'), { 'high/setup.sh': 'exec sleep 4711\n' });
    const stop = new AbortController();
    const build = buildImage(
      {
        cacheDir,
        signal: stop.signal,
        onProgress: ({ message }) => {
          if (message === 'setting up') stop.abort();
        },
      },
      slow,
    );
    await expect(build).rejects.toMatchObject({ code: 'ABORTED' });
    expect(workFolders(cacheDir)).toEqual([]);
    await expect.poll(() => processesNaming('sleep\x004711'), { timeout: 3000 }).toEqual([]);
    expect(mounts()).toEqual([]);
  }, 60_000);

  it('ends with the process that builds, when that is killed, and the next build cleans up', async () => {
    const program = join(import.meta.dirname, 'testing/build-tiny-image.ts');
    const args = [program, cacheDir, join(folder, 'killed'), 'exec sleep 4712\n'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8');
    let output = '';
    child.stdout.on('data', (text: string) => (output += text));
    await expect.poll(() => output, { timeout: 30_000 }).toContain('high setting up');
    await expect.poll(() => processesNaming('sleep\x004712').length, { timeout: 5000 }).toBe(1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(() => processesNaming('sleep\x004712'), { timeout: 5000 }).toEqual([]);
    expect(workFolders(cacheDir)).toHaveLength(1);
    expect(mounts()).toEqual([]);
    const other = {
      ...description,
      stages: description.stages.map((stage, index) => (index === 1 ? { ...stage, name: 'high3' } : stage)),
    };
    await buildImage({ cacheDir }, other);
    expect(workFolders(cacheDir)).toEqual([]);
  }, 90_000);
});

describe('exportImage', () => {
  let unpacked: string;

  beforeAll(async () => {
    const boxdDir = join(folder, 'boxd');
    mkdirSync(join(boxdDir, 'bin'), { recursive: true });
    writeFileSync(join(boxdDir, 'bin/boxd-init'), '#!/bin/sh\n', { mode: 0o755 });
    const output = join(folder, 'image.tar');
    await exportImage({ image, boxdDir, output });
    unpacked = join(folder, 'unpacked');
    mkdirSync(unpacked);
    execFileSync('tar', ['-xf', output, '-C', unpacked]);
  }, 60_000);

  const readJson = (name: string) => JSON.parse(readFileSync(join(unpacked, name), 'utf8'));
  const blob = (digest: string) =>
    readFileSync(join(unpacked, 'blobs/sha256', digest.replace('sha256:', '')));
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

  function listLayer(index: number): string[] {
    const name = readJson('manifest.json')[0].Layers[index];
    return execFileSync('tar', ['-tzf', join(unpacked, name)])
      .toString()
      .trimEnd()
      .split('\n');
  }

  it('names every blob by its content, in both of the archive’s indexes', () => {
    const [index] = readJson('index.json').manifests;
    const manifest = JSON.parse(blob(index.digest).toString());
    const [docker] = readJson('manifest.json');
    expect(docker.Config).toBe(`blobs/sha256/${manifest.config.digest.slice(7)}`);
    expect(docker.RepoTags).toEqual([`localhost/banata/sandbox:${image.id}`]);
    expect(docker.Layers).toEqual(
      manifest.layers.map((layer: { digest: string }) => `blobs/sha256/${layer.digest.slice(7)}`),
    );
    const config = JSON.parse(blob(manifest.config.digest).toString());
    expect(manifest.layers).toHaveLength(3);
    for (const [at, layer] of manifest.layers.entries()) {
      const bytes = blob(layer.digest);
      expect(sha256(bytes)).toBe(layer.digest.slice(7));
      expect(bytes.length).toBe(layer.size);
      expect(`sha256:${sha256(gunzipSync(bytes))}`).toBe(config.rootfs.diff_ids[at]);
    }
    expect(config.config.Entrypoint).toEqual(['/usr/bin/tini', '--', '/opt/banata/bin/boxd-init']);
  });

  it('says by whiteouts what the upper layer removed and replaced', () => {
    const names = listLayer(1).filter((name) => name.startsWith('srv/'));
    expect(names.toSorted()).toEqual([
      'srv/',
      'srv/.wh.removed',
      'srv/added',
      'srv/owned',
      'srv/replaced/',
      'srv/replaced/.wh..wh..opq',
      'srv/replaced/seen',
    ]);
    expect(lstatSync(join(image.stages[1]?.rootfs ?? '', 'srv/removed')).isCharacterDevice()).toBe(true);
  });

  it('keeps owners, modes, hard links and pipes', () => {
    const [low, high] = readJson('manifest.json')[0].Layers;
    const list = (name: string) =>
      execFileSync('tar', ['--numeric-owner', '-tvzf', join(unpacked, name)])
        .toString()
        .replaceAll(/ +/g, ' ');
    expect(list(high)).toMatch(/-rwsr-x--- 1000\/0 6 \S+ \S+ srv\/owned/);
    expect(list(low)).toMatch(/hrw-r--r-- 0\/0 0 \S+ \S+ srv\/second-name link to srv\/kept/);
    expect(list(low)).toMatch(/prw-r--r-- 0\/0 0 \S+ \S+ srv\/pipe/);
  });

  it('holds the box daemon as root’s in the last layer', () => {
    expect(listLayer(2)).toEqual(['opt/banata/', 'opt/banata/bin/', 'opt/banata/bin/boxd-init']);
  });

  it('refuses a folder without the daemon, and leaves no part of a file', async () => {
    const output = join(folder, 'none.tar');
    await expect(exportImage({ image, boxdDir: folder, output })).rejects.toMatchObject({
      code: 'EXPORT_FAILED',
    });
    const stop = AbortSignal.abort();
    await expect(
      exportImage({ image, boxdDir: join(folder, 'boxd'), output, signal: stop }),
    ).rejects.toMatchObject({
      code: 'ABORTED',
    });
    await sleep(50);
    expect(readdirSync(folder).filter((name) => name.startsWith('none.tar'))).toEqual([]);
  });
});
