import { ARCHIVE_TRAILER } from '@banata/protocol/box';
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FileError } from '../file-error.ts';
import { PROGRAM_ENV, programError } from '../run-program.ts';
import { archiveProgram, type PackOptions } from './archive-programs.ts';
import { prefixed } from './prefixed.ts';

/** An archive that is no longer than this is held back until it is known to be whole. */
const HELD_BYTES = 256 * 1024;
const MAX_MESSAGE_CHARS = 2000;
const MAX_REASON_LENGTH = 300;
/** tar(1): some files changed while they were read. A workspace is in use. */
const TAR_CHANGED = 1;

/**
 * Sends a file, or a directory, as an archive. What fails before the first bytes have gone is an error as any; later it
 * cuts the reply off.
 */
export async function packArchive(
  path: string,
  options: PackOptions,
  response: ServerResponse,
): Promise<void> {
  const { archive, encoder } = await begin(path, options, response);
  await (encoder ? pipeline(archive, encoder, response) : pipeline(archive, response));
}

/** Sends a directory by its name as an archive. What fails after the first bytes have gone is told by the trailer. */
export async function packFolder(
  path: string,
  options: Omit<PackOptions, 'from'>,
  response: ServerResponse,
): Promise<void> {
  if (path === '/') throw new FileError(400, 'INVALID_PATH', 'the whole system cannot be packaged');
  if (!(await stat(path)).isDirectory())
    throw new FileError(400, 'NOT_A_DIRECTORY', `${path} is not a directory`);
  const { archive, encoder } = await begin(path, { ...options, from: 'name' }, response);
  response.setHeader('trailer', ARCHIVE_TRAILER);
  let outcome = 'whole';
  async function* told(): AsyncGenerator<Buffer, void> {
    try {
      yield* archive;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      outcome = error.message.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_REASON_LENGTH);
    }
  }
  const stay = { end: false };
  await (encoder ? pipeline(told(), encoder, response, stay) : pipeline(told(), response, stay));
  response.addTrailers({ [ARCHIVE_TRAILER]: outcome });
  response.end();
}

/** Starts the program; resolves when it is known that there is something to send. */
async function begin(path: string, options: PackOptions, response: ServerResponse) {
  const isDirectory = (await stat(path)).isDirectory();
  await access(path, isDirectory ? constants.R_OK | constants.X_OK : constants.R_OK);
  const { type, command, args, cwd, encoder } = archiveProgram(path, isDirectory, options);
  const child = spawn(command, args, {
    cwd,
    // Names that are not ASCII are marked as such in a zip only where the locale knows them.
    env: { ...PROGRAM_ENV, LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, which ends as one.
    detached: true,
  });
  const ended = outcomeOf(child);
  ended.catch(() => undefined);
  response.once('close', () => endGroup(child));
  const archive = checked(child.stdout, ended);
  // What fails by now can still be answered.
  const first = await archive.next();
  response.setHeader('content-type', type);
  return { archive: prefixed(first.value ?? Buffer.alloc(0), archive), encoder };
}

/** Rejects when the program failed. */
async function outcomeOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  let message = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (message.length < MAX_MESSAGE_CHARS) message += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const changed = child.spawnfile.endsWith('/tar') && code === TAR_CHANGED;
  if (code !== 0 && !changed) throw programError(message);
}

async function* checked(stdout: Readable, ended: Promise<void>): AsyncGenerator<Buffer, void> {
  const held: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdout as AsyncIterable<Buffer>) {
    if (size > HELD_BYTES) {
      yield chunk;
      continue;
    }
    held.push(chunk);
    size += chunk.length;
    if (size > HELD_BYTES) yield Buffer.concat(held.splice(0));
  }
  await ended;
  if (held.length > 0) yield Buffer.concat(held);
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // It has ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
