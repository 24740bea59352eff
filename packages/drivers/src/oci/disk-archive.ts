import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { PassThrough, Writable } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { CommandError, ENVIRONMENT } from './command.ts';

const WORDS_BYTES = 4_000;

/**
 * `trusted.overlay.*` and whiteouts are what the overlay's upper layer is made of; numbers, not names, since the
 * accounts are the box's.
 */
const FAITHFUL = ['--format=posix', '--numeric-owner', '--xattrs', '--xattrs-include=*', '--sparse'];

/** The parts of a disk that are a box's state: its folder of work is the overlay's, and what it printed is the host's. */
const PARTS = ['upper', 'workspace', 'image.json'];

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

/** The state in a disk as a tar compressed with zstd. Fails rather than ends early. */
export function packDisk(folder: string, options: ArchiveOptions): Readable {
  const output = new PassThrough();
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
  done.then(
    () => output.end(),
    (error: Error) => output.destroy(error),
  );
  return output;
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
 * links last.
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
    await done;
  } finally {
    contents.destroy();
    child.kill('SIGKILL');
  }
}
