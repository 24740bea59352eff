import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { statSync, type Stats } from 'node:fs';
import { BoxError } from '../http/route.ts';
import { preferForOom } from '../limits/oom-score.ts';
import type { Account } from '../services.ts';
import type { CommandSpec } from './command-spec.ts';

/** What a shell would say and answer when a program cannot be started. */
export interface SpawnRefusal {
  exitCode: 126 | 127;
  stderr: string;
}

/**
 * Starts a command as leader of its own session. Resolves with the child once it runs, or with the refusal when
 * there is no such program. Throws a {@link BoxError} when the request cannot be carried out.
 */
export async function spawnCommand(
  spec: CommandSpec,
  stdio: StdioOptions,
): Promise<ChildProcess | SpawnRefusal> {
  checkDirectory(spec.cwd, spec.account);
  try {
    return await spawned(spec, stdio);
  } catch (error) {
    return refusal(spec, error as NodeJS.ErrnoException);
  }
}

/** Not in the background: the caller waits for it, and the start of a process, which comes next, is not either. */
function checkDirectory(path: string, account: Account): void {
  const found = look(path);
  if (!found?.isDirectory()) {
    throw new BoxError(400, 'CWD_NOT_FOUND', `cwd: there is no directory ${path}`);
  }
  // chdir happens before the change of identity, so the kernel would not object.
  if (account.uid === 0) return;
  const shift = found.uid === account.uid ? 6 : found.gid === account.gid ? 3 : 0;
  if (((found.mode >> shift) & 0o1) === 0) {
    throw new BoxError(400, 'CWD_NOT_ACCESSIBLE', `cwd: ${account.name} may not enter ${path}`);
  }
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function spawned(spec: CommandSpec, stdio: StdioOptions): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const identity =
      spec.account.uid === process.getuid?.() ? {} : { uid: spec.account.uid, gid: spec.account.gid };
    const child = spawn(spec.program, spec.args, {
      cwd: spec.cwd,
      env: spec.env,
      detached: true,
      stdio,
      ...identity,
    });
    preferForOom(child.pid);
    child.once('error', reject);
    child.once('spawn', () => resolve(child));
  });
}

function refusal(spec: CommandSpec, error: NodeJS.ErrnoException): SpawnRefusal {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      // The directory may have gone since it was looked at; the kernel's answer is the same.
      checkDirectory(spec.cwd, spec.account);
      return { exitCode: 127, stderr: `${spec.program}: command not found\n` };
    case 'EACCES':
    case 'EPERM':
    case 'EISDIR':
      return { exitCode: 126, stderr: `${spec.program}: permission denied\n` };
    case 'ENOEXEC':
      return { exitCode: 126, stderr: `${spec.program}: cannot execute: not a program\n` };
    case 'E2BIG':
      throw new BoxError(
        400,
        'COMMAND_TOO_LONG',
        'command, args and env are longer than the kernel takes (about 128 KiB for one, 2 MiB together); pass data by stdin or a file',
        { cause: error },
      );
    case 'ERR_INVALID_ARG_VALUE':
      throw new BoxError(400, 'INVALID_FIELD', 'command, args, cwd and env must not contain a null byte', {
        cause: error,
      });
    case 'EAGAIN':
    case 'ENOMEM':
      throw new BoxError(
        503,
        'BOX_EXHAUSTED',
        'The sandbox has no processes or memory left; end some and try again',
        {
          cause: error,
        },
      );
    default:
      throw error;
  }
}
