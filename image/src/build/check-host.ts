import { statfs } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { IMAGE_ARCHITECTURE } from '../description.ts';
import { ImageError } from '../image-error.ts';
import { runTool } from '../run-tool.ts';

/** Programs that building and exporting run on the host, and the Debian package of each. */
const PROGRAMS: Readonly<Record<string, string>> = {
  flock: 'util-linux',
  getfattr: 'attr',
  mmdebstrap: 'mmdebstrap',
  npm: 'npm',
  tar: 'tar',
  unshare: 'util-linux',
};

/** Debian packages that building or exporting an image needs on the host. npm, which comes with Node, is needed too. */
export const IMAGE_HOST_PACKAGES: readonly string[] = [
  'attr',
  'debian-archive-keyring',
  'mmdebstrap',
  'tar',
  'util-linux',
];

/** Room a build needs: the layers, and the fetched packages beside them. */
const NEEDED_BYTES = 6 * 1024 ** 3;

/**
 * Checks that an image can be built here.
 * @throws ImageError `HOST_UNSUITABLE`, naming everything that is missing.
 */
export async function checkHost(signal: AbortSignal | undefined): Promise<void> {
  if (platform() !== 'linux' || arch() !== 'x64') {
    throw new ImageError(
      'HOST_UNSUITABLE',
      `The sandbox image is for Linux on ${IMAGE_ARCHITECTURE}; this machine is ${platform()} on ${arch()}.`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new ImageError('HOST_UNSUITABLE', 'Building the sandbox image needs root. Run it as root.');
  }
  const missing: string[] = [];
  await runTool('sh', {
    args: [
      '-c',
      'for name; do command -v "$name" >/dev/null || echo "$name"; done',
      'sh',
      ...Object.keys(PROGRAMS),
    ],
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
    timeoutMs: 10_000,
    onLine: (line) => missing.push(line),
  });
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => PROGRAMS[name] ?? name))];
  throw new ImageError(
    'HOST_UNSUITABLE',
    `Building the sandbox image needs programs that are not installed: ${missing.join(', ')}. ` +
      `Install them with: apt-get install ${packages.join(' ')}`,
  );
}

/** @throws ImageError `HOST_UNSUITABLE` when the disk below `folder` has too little room for a build. */
export async function checkRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= NEEDED_BYTES) return;
  const free = Math.floor((bavail * bsize) / 1024 ** 2);
  throw new ImageError(
    'HOST_UNSUITABLE',
    `Building the sandbox image needs ${NEEDED_BYTES / 1024 ** 2} MiB below ${folder}, but ${free} MiB are free. ` +
      'Free some space, or choose another cache folder.',
  );
}
