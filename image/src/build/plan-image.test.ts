import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ImageDescription, SANDBOX_IMAGE } from '../description.ts';
import { CERTIFICATES } from '../testing/certificates.ts';
import { parseMirrors, planImage } from './plan-image.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banata-plan-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function makeCertificate(name: keyof typeof CERTIFICATES): string {
  const path = join(folder, `${name}.crt`);
  writeFileSync(path, CERTIFICATES[name]);
  return path;
}

async function hashes(
  settings: Partial<Parameters<typeof planImage>[0]>,
  image: ImageDescription = SANDBOX_IMAGE,
) {
  const plan = await planImage({ cacheDir: '/cache', ...settings }, image);
  return plan.stages.map((stage) => stage.hash);
}

describe('planImage', () => {
  it('plans the stages in their order, each in a folder named after its hash', async () => {
    const plan = await planImage({ cacheDir: '/cache' }, SANDBOX_IMAGE);
    expect(plan.stages.map((stage) => stage.description.name)).toEqual([
      'base',
      'desktop',
      'agent',
      'documents',
    ]);
    for (const stage of plan.stages) {
      expect(stage.hash).toMatch(/^[0-9a-f]{16}$/);
      expect(stage.folder).toBe(`/cache/image/layers/${stage.description.name}-${stage.hash}`);
    }
  });

  it('gives the same hashes for the same settings, wherever the cache lies', async () => {
    expect(await hashes({})).toEqual(await hashes({ cacheDir: '/elsewhere' }));
  });

  it('changes the hashes from a changed stage up, and none below', async () => {
    const [base, desktop, agent] = await hashes({});
    const stages = SANDBOX_IMAGE.stages.map((stage) =>
      stage.name === 'desktop' ? { ...stage, packages: [...stage.packages, 'xterm'] } : stage,
    );
    const changed = await hashes({}, { ...SANDBOX_IMAGE, stages });
    expect(changed[0]).toBe(base);
    expect(changed[1]).not.toBe(desktop);
    expect(changed[2]).not.toBe(agent);
  });

  it.each([
    ['a file laid over the tree', 'base/files/etc/pip.conf'],
    ['a lockfile', 'base/npm/package-lock.json'],
    ['the set-up script', 'base/setup.sh'],
    ['a new file', 'base/files/etc/new'],
  ])('notices a change of %s', async (_, file) => {
    const stages = join(folder, 'stages');
    cpSync(SANDBOX_IMAGE.folder, stages, { recursive: true });
    expect(await hashes({}, { ...SANDBOX_IMAGE, folder: stages })).toEqual(await hashes({}));
    writeFileSync(join(stages, file), 'changed\n');
    const changed = await hashes({}, { ...SANDBOX_IMAGE, folder: stages });
    expect(changed[0]).not.toBe((await hashes({}))[0]);
  });

  it('changes every stage with the mirror, which the image keeps as its own', async () => {
    const plain = await hashes({});
    const mirrored = await hashes({ debianMirror: 'http://mirror.invalid/debian' });
    expect(mirrored.filter((hash) => plain.includes(hash))).toEqual([]);
  });

  it('puts the operator’s certificates into a stage of their own on top', async () => {
    const plain = await hashes({});
    const first = await hashes({ extraCaFile: makeCertificate('one') });
    const second = await hashes({ extraCaFile: makeCertificate('two') });
    expect(first.slice(0, -1)).toEqual(plain);
    expect(second.slice(0, -1)).toEqual(plain);
    expect(first).toHaveLength(plain.length + 1);
    expect(second.at(-1)).not.toBe(first.at(-1));
  });

  it('takes every certificate of a folder, and plans no stage for a folder without any', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    writeFileSync(join(empty, 'README.crt'), 'no certificate');
    expect(await hashes({ extraCaFile: empty })).toHaveLength(SANDBOX_IMAGE.stages.length);
    makeCertificate('one');
    makeCertificate('two');
    const plan = await planImage({ cacheDir: '/cache', extraCaFile: folder }, SANDBOX_IMAGE);
    expect(plan.trust?.certificates.map((certificate) => certificate.subject).toSorted()).toEqual([
      'CN=one',
      'CN=two',
    ]);
  });

  it('refuses a certificate file that is missing or holds none', async () => {
    const file = join(folder, 'broken.pem');
    writeFileSync(file, '-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n');
    await expect(hashes({ extraCaFile: file })).rejects.toMatchObject({ code: 'SETTING_INVALID' });
    await expect(hashes({ extraCaFile: join(folder, 'none') })).rejects.toThrow('ENOENT');
  });

  it.each(['relative', '/with:colon', '/with,comma', '/with\\backslash'])(
    'refuses the cache folder %s',
    async (cacheDir) => {
      await expect(hashes({ cacheDir })).rejects.toMatchObject({ code: 'SETTING_INVALID' });
    },
  );
});

describe('parseMirrors', () => {
  it('leaves the choice to mmdebstrap when nothing is set', () => {
    expect(parseMirrors(undefined)).toEqual([]);
    expect(parseMirrors(' \n ')).toEqual([]);
  });

  it('takes an URL for the release and its updates', () => {
    expect(parseMirrors('http://mirror.invalid/debian')).toEqual([
      'deb http://mirror.invalid/debian trixie main',
      'deb http://mirror.invalid/debian trixie-updates main',
    ]);
  });

  it('takes whole lines as they are', () => {
    const line = 'deb [trusted=yes] http://mirror.invalid/x trixie main';
    expect(parseMirrors(`${line}\n`)).toEqual([line]);
  });

  it('refuses passwords, which sandboxes could read', () => {
    expect(() => parseMirrors('https://user:secret@mirror.invalid/debian')).toThrow(
      /^(?!.*secret).*password/,
    );
  });

  it('refuses anything else, a program in an URL’s place too', () => {
    expect(() => parseMirrors('copy:/etc')).toThrow('neither an http');
    expect(() => parseMirrors('--setup-hook=reboot')).toThrow('neither an http');
  });
});
