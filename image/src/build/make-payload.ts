import { cp, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ImageError } from '../image-error.ts';
import { runTool } from '../run-tool.ts';
import type { PlannedStage } from './plan-image.ts';
import { parseCertificates, type TrustAnchors } from './trust-anchors.ts';

interface PayloadRequest {
  stage: PlannedStage;
  /** Folder of this build; the payload becomes its folder `payload`. */
  work: string;
  /** File that takes the output of npm. */
  logFile: string;
  signal: AbortSignal | undefined;
}

const NPM_TIMEOUT_MS = 15 * 60_000;

/**
 * Fetches the npm packages of a stage, exactly as its lockfile pins them and without running their scripts, and
 * lays out what the stage wants of them.
 * @returns the folder to lay over the tree, or undefined when the stage takes nothing from npm.
 */
export async function makeNpmPayload(request: PayloadRequest): Promise<string | undefined> {
  const { stage, work } = request;
  if (!stage.sources.npm) return undefined;
  const project = join(work, 'npm');
  await cp(stage.sources.npm, project, {
    recursive: true,
    filter: (path) => !path.endsWith('/node_modules'),
  });
  const log = await open(request.logFile, 'a');
  try {
    const code = await runTool('npm', {
      args: ['ci', '--prefix', project, '--ignore-scripts', '--no-bin-links', '--no-audit', '--no-fund'],
      cwd: project,
      stdio: ['ignore', log.fd, log.fd],
      signal: request.signal,
      timeoutMs: NPM_TIMEOUT_MS,
    });
    if (code !== 0)
      throw new ImageError('BUILD_FAILED', `npm could not fetch the packages (exit code ${code}).`);
  } finally {
    await log.close();
  }
  const payload = join(work, 'payload');
  for (const { from, to } of stage.description.payload) {
    await mkdir(dirname(join(payload, to)), { recursive: true });
    await rename(join(project, from), join(payload, to));
  }
  return payload;
}

/**
 * Writes the operator's certificates where Debian's store and Chromium look for them; those that Debian's store
 * has already are left out.
 * @param trees root folders of the stages below, top first.
 */
export async function makeTrustPayload(
  work: string,
  trust: TrustAnchors,
  trees: readonly string[],
): Promise<string> {
  const known = new Set((await readStore(trees)).map((certificate) => certificate.fingerprint256));
  const added = trust.certificates.filter((certificate) => !known.has(certificate.fingerprint256));
  const payload = join(work, 'payload');
  const store = join(payload, 'usr/local/share/ca-certificates/banata');
  const policies = join(payload, 'etc/chromium/policies/managed');
  await mkdir(store, { recursive: true });
  await mkdir(policies, { recursive: true });
  for (const certificate of added) {
    const name = certificate.fingerprint256.replaceAll(':', '').slice(0, 16).toLowerCase();
    await writeFile(join(store, `${name}.crt`), certificate.toString());
  }
  const policy = { CACertificates: added.map((certificate) => certificate.raw.toString('base64')) };
  await writeFile(join(policies, 'banata-certificates.json'), `${JSON.stringify(policy, undefined, 2)}\n`);
  return payload;
}

async function readStore(trees: readonly string[]) {
  for (const tree of trees) {
    const text = await readFile(join(tree, 'etc/ssl/certs/ca-certificates.crt'), 'utf8').catch(
      () => undefined,
    );
    if (text !== undefined) return parseCertificates(text);
  }
  return [];
}
