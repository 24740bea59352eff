import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, chown, mkdir, open, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BoxEnvironment } from '../services.ts';
import { OPENBOX_CONFIG } from './window-manager.ts';
import { xAuthority } from './x-authority.ts';

/** Below this Chromium keeps its shared memory in ordinary files. */
const MIN_SHARED_MEMORY_BYTES = 256 * 1024 * 1024;
/** Debian's program behind the wrapper `/usr/bin/chromium`, which costs a shell and adds flags of its own. */
const CHROMIUM_BINARIES = ['/usr/lib/chromium/chromium', '/usr/bin/chromium'];

export interface DesktopFiles {
  /** Xauthority file, and the cookie in it. */
  authority: string;
  cookie: Buffer;
  windowManager: string;
  /** Unix socket of the VNC server. */
  rfbSocket: string;
  profileDir: string;
  downloadsDir: string;
  chromium: string;
  sharedMemory: boolean;
}

/**
 * Lays out what the desktop's processes need. The daemon writes only in directories that it alone can write; the
 * socket's directory belongs to the desktop, with the daemon's group, so that these two and nobody else enter.
 */
export async function prepareDesktopFiles(environment: BoxEnvironment): Promise<DesktopFiles> {
  const { root, desktop } = environment.accounts;
  const dir = join(environment.runDir, 'browser');
  const rfbDir = join(dir, 'rfb');
  const files = {
    cookie: randomBytes(16),
    authority: join(dir, 'Xauthority'),
    windowManager: join(dir, 'openbox.xml'),
    rfbSocket: join(rfbDir, 'socket'),
    profileDir: join(desktop.home, 'profile'),
    downloadsDir: join(environment.workspace, 'downloads'),
    chromium: await firstExecutable(CHROMIUM_BINARIES),
    sharedMemory: await hasSharedMemory(),
  };
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  await chmod(dir, 0o711);
  await writeFile(files.windowManager, OPENBOX_CONFIG, { mode: 0o644 });
  await writeFile(files.authority, xAuthority(files.cookie), { mode: 0o600 });
  await chown(files.authority, root.uid, desktop.gid);
  await chmod(files.authority, 0o640);
  await mkdir(rfbDir);
  await chmod(rfbDir, 0o2770);
  await chown(rfbDir, desktop.uid, root.gid);
  return files;
}

/**
 * The downloads folder: the desktop owns it, and the user's group may write, so that the user can take, change and
 * remove what was downloaded. @throws when the user put something else than a directory in its place.
 */
export async function prepareDownloads(environment: BoxEnvironment, path: string): Promise<void> {
  const { desktop, user } = environment.accounts;
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  // By descriptor and without following a link: the workspace belongs to the user, and the daemon is root.
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await handle.chown(desktop.uid, user.gid);
    await handle.chmod(0o2775);
  } finally {
    await handle.close();
  }
}

async function firstExecutable(paths: string[]): Promise<string> {
  for (const path of paths) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error(`Chromium is not installed: none of ${paths.join(', ')} is there.`);
}

async function hasSharedMemory(): Promise<boolean> {
  const stats = await statfs('/dev/shm').catch(() => undefined);
  return stats !== undefined && stats.bavail * stats.bsize >= MIN_SHARED_MEMORY_BYTES;
}
