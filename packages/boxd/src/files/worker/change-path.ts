import { constants } from 'node:fs';
import { access, chmod, lstat, mkdir, rename, stat } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import { FileError } from './file-error.ts';
import { runProgram } from './run-program.ts';

/** Below the time without bytes after which the daemon gives the operation up. */
const MOVE_LIMIT_MS = 100_000;
const CHMOD_LIMIT_MS = 60_000;

/** Makes a directory and its parents, where something is to be put. */
export async function makeParents(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new FileError(400, 'NOT_A_DIRECTORY', `${path} is there already, and is no directory`);
  });
}

/** Makes a directory and its parents; one that is there is left as it is. */
export async function makeDirectory(path: string, mode: number | undefined): Promise<{ created: boolean }> {
  const first = await mkdir(path, { recursive: true }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new FileError(409, 'FILE_EXISTS', `${path} is there already, and is no directory`);
  });
  if (first !== undefined && mode !== undefined) await chmod(path, mode);
  return { created: first !== undefined };
}

export interface Move {
  path: string;
  to: string;
  /** Whether a file, or an empty directory, at `to` is replaced. */
  overwrite: boolean;
  workspace: string;
}

/** Renames; from one file system to another it copies and removes. Parents of `to` are made. */
export async function movePath({ path, to, overwrite, workspace }: Move, signal: AbortSignal): Promise<void> {
  refuseRoots(path, workspace, 'moved');
  refuseRoots(to, workspace, 'replaced');
  await lstat(path);
  if (to.startsWith(path + sep)) {
    throw new FileError(400, 'INVALID_PATH', `${path} cannot be moved into itself`);
  }
  if (!overwrite && (await exists(to))) {
    throw new FileError(409, 'FILE_EXISTS', `${to} is there already; pass overwrite=true to replace it`);
  }
  await makeParents(dirname(to));
  try {
    await rename(path, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    // What cannot be removed here would be there twice afterwards.
    await access(dirname(path), constants.W_OK | constants.X_OK);
    // `mv` keeps links, modes and times on its way to another file system.
    await runProgram('/usr/bin/mv', ['-T', '-f', '--', path, to], { limitMs: MOVE_LIMIT_MS, signal });
  }
}

/** Sets permission bits, of links' targets like chmod(1). */
export async function changeMode(
  path: string,
  { mode, recursive }: { mode: number; recursive: boolean },
  signal: AbortSignal,
): Promise<void> {
  if (recursive && (await stat(path)).isDirectory()) {
    const args = ['-R', '--', mode.toString(8).padStart(4, '0'), path];
    await runProgram('/usr/bin/chmod', args, { limitMs: CHMOD_LIMIT_MS, signal });
  } else await chmod(path, mode);
}

function refuseRoots(path: string, workspace: string, what: string): void {
  if (path === '/' || path === workspace) {
    throw new FileError(400, 'PATH_PROTECTED', `${path} itself cannot be ${what}; name what is in it`);
  }
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
