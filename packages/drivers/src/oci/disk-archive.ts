import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { DriverError } from '../driver.ts';
import { CommandError, ENVIRONMENT, runCommand } from './command.ts';
import { IMAGE_NOTE } from './image-note.ts';

const WORDS_BYTES = 4_000;
/** Longest path that the kernel takes: PATH_MAX (limits.h) without the byte at its end. */
const MAX_PATH_BYTES = 4_095;
/** A look at every name of a disk, which packing then takes much longer for. */
const SEARCH_TIMEOUT_MS = 600_000;

/**
 * `trusted.overlay.*` and whiteouts are what the overlay's upper layer is made of; numbers, not names, since the
 * accounts are the box's.
 */
const FAITHFUL = ['--format=posix', '--numeric-owner', '--xattrs', '--xattrs-include=*', '--sparse'];

/** The parts of a disk that are a box's state: its folder of work is the overlay's, and what it printed is the host's. */
const FOLDERS = ['upper', 'workspace'];
const PARTS = [...FOLDERS, IMAGE_NOTE];
/** tar's words for a disk, or a quota, that is full (errno(3), as the C locale has them). */
const NO_ROOM = /No space left|Disk quota exceeded/;

interface Tool {
  child: ChildProcess;
  /** Resolves when the program has done its work. */
  done: Promise<void>;
}

function startTar(
  args: string[],
  stdio: ['pipe' | 'ignore', 'pipe' | 'ignore'],
  options: ArchiveOptions,
): Tool {
  const { lockFd, signal } = options;
  // The program holds the installation's lock, so that the next server finds a host that changes no more.
  const child = spawn('tar', args, {
    stdio: [...stdio, 'pipe', lockFd],
    env: ENVIRONMENT,
    signal,
    killSignal: 'SIGKILL',
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    words = (words + chunk).slice(-WORDS_BYTES);
  });
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  child.once('error', (cause) => {
    reject(signal.aborted ? signal.reason : new CommandError(`tar: ${cause.message}`, null, '', { cause }));
  });
  child.once('close', (code) => {
    if (code === 0) resolve();
    else reject(new CommandError(`tar failed (${code ?? 'killed'}): ${words.trim()}`, code, words));
  });
  done.catch(() => undefined);
  return { child, done };
}

export interface ArchiveOptions {
  /** Descriptor of the installation's lock. */
  lockFd: number;
  signal: AbortSignal;
}

/**
 * The state in a disk as a tar compressed with zstd. Fails rather than ends early, and for a disk that tar could not
 * unpack again.
 */
export function packDisk(folder: string, options: ArchiveOptions): Readable {
  const output = new PassThrough();
  startPacking(folder, output, options).catch((error: Error) => output.destroy(error));
  return output;
}

async function startPacking(folder: string, output: PassThrough, options: ArchiveOptions): Promise<void> {
  await requireShortPaths(folder, options);
  if (output.destroyed) return;
  const args = [
    '--create',
    '--use-compress-program=zstd -q -1 -T0',
    ...FAITHFUL,
    '-C',
    folder,
    '--',
    ...PARTS,
  ];
  const { child, done } = startTar(args, ['ignore', 'pipe'], options);
  child.stdout?.pipe(output, { end: false });
  output.once('close', () => child.kill('SIGKILL'));
  await done;
  output.end();
}

/** tar packs files however deep they lie, but unpacks them by their whole path, which the kernel limits. */
async function requireShortPaths(folder: string, { lockFd, signal }: ArchiveOptions): Promise<void> {
  const tooLong = `${'?'.repeat(Buffer.byteLength(folder) + 1 + MAX_PATH_BYTES + 1)}*`;
  const folders = FOLDERS.map((part) => path.join(folder, part));
  // Bytes are counted, not the characters of a locale.
  const search = ['LC_ALL=C', 'find', ...folders, '-path', tooLong, '-printf', 'x', '-quit'];
  const found = await runCommand('env', search, { timeoutMs: SEARCH_TIMEOUT_MS, inheritFd: lockFd, signal });
  if (found === '') return;
  throw new DriverError(
    'CONTENTS_REFUSED',
    `The disk holds files whose path is longer than ${MAX_PATH_BYTES} bytes; an archive of it could not be unpacked. Remove them, and make another checkpoint.`,
  );
}

/** Takes all there is, also when the program has ended by then: contents may say at their end that they are bad. */
function inputOf(stdin: Writable): Writable {
  stdin.on('error', () => undefined);
  return new Writable({
    write: (chunk, _encoding, done) => void (stdin.destroyed ? done() : stdin.write(chunk, () => done())),
    final: (done) => void (stdin.destroyed ? done() : stdin.end(() => done())),
  });
}

/**
 * Unpacks such a tar into an empty folder. tar keeps to the folder: it strips leading slashes, refuses `..`, and makes
 * links last. What then lies in the folder is looked at, too: the host mounts and writes there.
 * @throws {@link DriverError} CONTENTS_REFUSED for what no disk is packed to.
 */
export async function unpackDisk(contents: Readable, folder: string, options: ArchiveOptions): Promise<void> {
  const args = [
    '--extract',
    '--use-compress-program=zstd -q',
    '--same-permissions',
    ...FAITHFUL,
    '-C',
    folder,
  ];
  const { child, done } = startTar(args, ['pipe', 'ignore'], options);
  try {
    if (!child.stdin) throw new Error('tar has no input');
    await pipeline(contents, inputOf(child.stdin), { signal: options.signal });
    await done.catch((error: unknown) => Promise.reject(refusalOf(error)));
    await requireParts(folder);
  } finally {
    contents.destroy();
    child.kill('SIGKILL');
  }
}

function refusalOf(error: unknown): unknown {
  const refused = error instanceof CommandError && error.exitCode !== null && !NO_ROOM.test(error.message);
  return refused ? new DriverError('CONTENTS_REFUSED', error.message, { cause: error }) : error;
}

/** A link in the place of a part, or another file beside them, would lead the host elsewhere. */
async function requireParts(folder: string): Promise<void> {
  const names = await readdir(folder);
  const found = await Promise.all(
    PARTS.map(async (part) => {
      const entry = await lstat(path.join(folder, part)).catch(() => undefined);
      return FOLDERS.includes(part) ? entry?.isDirectory() : entry?.isFile();
    }),
  );
  if (names.length === PARTS.length && found.every((fits) => fits)) return;
  throw new DriverError(
    'CONTENTS_REFUSED',
    `Contents of a disk are the folders ${FOLDERS.join(' and ')} and the file ${IMAGE_NOTE}, and nothing else.`,
  );
}
