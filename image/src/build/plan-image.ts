import { type Hash, createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import {
  DEBIAN_SUITE,
  IMAGE_ARCHITECTURE,
  type ImageDescription,
  type StageDescription,
} from '../description.ts';
import { ImageError } from '../image-error.ts';
import { readTrustAnchors, type TrustAnchors } from './trust-anchors.ts';

/** Where an image lies, and the settings that are part of its content. */
export interface ImageSettings {
  /** Absolute folder shared by all installations on the machine (`BANATA_CACHE`). */
  cacheDir: string;
  /**
   * Debian mirror: its http(s) URL (the release and its updates are taken from there), or whole `deb …` lines of a
   * sources list, one a line, which can name a mirror of the security archive too. Default: mmdebstrap's own.
   * It also becomes the image's own list of sources.
   */
  debianMirror?: string;
  /** PEM file, or folder of `*.crt`/`*.pem` files, with certificates that sandboxes trust besides Debian's. */
  extraCaFile?: string;
}

/** One stage with its identity and its place. */
export interface PlannedStage {
  description: StageDescription;
  /** 16 hex digits over everything that makes the stage's content, the stages below included. */
  hash: string;
  /** Folder of the finished stage: `layer.json` and `rootfs/`. */
  folder: string;
  sources: StageSources;
  /** Whether this is the stage of the operator's certificates. */
  holdsTrust: boolean;
}

/** The parts of a stage that lie in the repository as files; undefined where a stage has none. */
interface StageSources {
  files: string | undefined;
  npm: string | undefined;
  setup: string | undefined;
}

export interface ImagePlan {
  /** Lowest first. */
  stages: PlannedStage[];
  mirrors: string[];
  trust: TrustAnchors | undefined;
}

/** Runs inside a stage's namespaces and makes its tree. */
export const STAGE_SCRIPT = join(import.meta.dirname, '../../stages/build-stage.sh');

/** Part of every hash: to be raised when the code (not the script or the description) lays out a stage differently. */
const LAYOUT_VERSION = 1;

/**
 * Computes what the image consists of: the same settings and sources give the same hashes, and a change gives new
 * ones from the changed stage up.
 * @throws ImageError `SETTING_INVALID`.
 */
export async function planImage(settings: ImageSettings, image: ImageDescription): Promise<ImagePlan> {
  checkCacheDir(settings.cacheDir);
  const mirrors = parseMirrors(settings.debianMirror);
  const trust = settings.extraCaFile ? await readTrustAnchors(settings.extraCaFile) : undefined;
  const script = await readFile(STAGE_SCRIPT);
  const stages: PlannedStage[] = [];
  let below = '';
  for (const description of trust ? [...image.stages, image.trust] : image.stages) {
    const sources = await findSources(join(image.folder, description.name));
    const hash = createHash('sha256');
    hash.update(
      JSON.stringify([LAYOUT_VERSION, IMAGE_ARCHITECTURE, DEBIAN_SUITE, mirrors, description, below]),
    );
    hash.update(script);
    await hashSources(hash, image.folder, sources);
    if (description === image.trust) hash.update(trust?.digest ?? '');
    below = hash.digest('hex').slice(0, 16);
    const folder = join(settings.cacheDir, 'image/layers', `${description.name}-${below}`);
    stages.push({ description, hash: below, folder, sources, holdsTrust: description === image.trust });
  }
  return { stages, mirrors, trust };
}

/**
 * Turns the mirror setting into arguments of mmdebstrap.
 * @throws ImageError `SETTING_INVALID` when it is neither an URL nor a list of `deb` lines, or holds a password.
 */
export function parseMirrors(setting: string | undefined): string[] {
  const lines = (setting ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.flatMap((line) => {
    if (/:\/\/[^/\s]*@/.test(line)) {
      throw new ImageError(
        'SETTING_INVALID',
        'The Debian mirror must not hold a user name or password: every sandbox can read its list of sources.',
      );
    }
    if (/^deb(-src)? /.test(line)) return [line];
    if (/^https?:\/\/\S+$/.test(line)) {
      return [DEBIAN_SUITE, `${DEBIAN_SUITE}-updates`].map((suite) => `deb ${line} ${suite} main`);
    }
    throw new ImageError(
      'SETTING_INVALID',
      `The Debian mirror "${line}" is neither an http or https URL nor a "deb …" line.`,
    );
  });
}

function checkCacheDir(cacheDir: string): void {
  // The overlay mount's options have no way to write these in a path that every kernel understands.
  if (/^\/[^:,\\"\n]*$/.test(cacheDir)) return;
  throw new ImageError(
    'SETTING_INVALID',
    `The cache folder "${cacheDir}" must be an absolute path without colon, comma, backslash or quote.`,
  );
}

async function findSources(folder: string): Promise<StageSources> {
  const at = async (name: string) => {
    const path = join(folder, name);
    return (await stat(path).catch(() => undefined)) ? path : undefined;
  };
  return { files: await at('files'), npm: await at('npm'), setup: await at('setup.sh') };
}

async function hashSources(hash: Hash, folder: string, sources: StageSources): Promise<void> {
  const parts = [sources.files, sources.npm, sources.setup].filter((path) => path !== undefined);
  const paths = await Promise.all(parts.map((path) => walk(path)));
  for (const path of paths.flat()) {
    const content = await readFile(path);
    const executable = ((await stat(path)).mode & 0o111) !== 0;
    hash.update(JSON.stringify([relative(folder, path), executable, content.length]));
    hash.update(content);
  }
}

async function walk(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name !== 'node_modules').toSorted();
  return (await Promise.all(names.map((name) => walk(join(path, name))))).flat();
}
