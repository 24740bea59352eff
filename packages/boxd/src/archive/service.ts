import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { BoxError, type BoxRequest, type BoxRoute } from '../http/route.ts';
import { LIFE_FILE } from '../life.ts';
import type { BoxEnvironment } from '../services.ts';

const WORDS_BYTES = 2_000;
const FAITHFUL = ['--format=posix', '--numeric-owner', '--xattrs', '--xattrs-include=*', '--sparse'];
/** Mounts, and what the host and the daemon say of themselves. */
const NOT_OURS = ['/proc', '/sys', '/dev', '/run', '/opt/banata'];
const HOST_FILES = ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];
/** tar's own word for "a file changed while I read it"; what it then had of it is in the archive. */
const FILES_CHANGED = 1;

export interface ArchiveDeps {
  environment: BoxEnvironment;
  /** False once the box has a configuration, and with it programs that are at work on its files. */
  isFresh: () => boolean;
}

/**
 * Creates `GET /archive`, the box's files as a tar compressed with zstd, and `PUT /archive`, which lays such files over
 * those of a box that was not used yet. The archive holds /workspace and all files that were changed since the box
 * began, the daemon's own state left out; of files that were removed from the image it knows nothing.
 */
export function createArchiveService(deps: ArchiveDeps): { routes: BoxRoute[] } {
  return {
    routes: [
      { method: 'GET', path: '/archive', handle: (request) => pack(request, deps) },
      { method: 'PUT', path: '/archive', handle: (request) => unpack(request, deps) },
    ],
  };
}

function changedFiles({ environment }: ArchiveDeps): ChildProcessWithoutNullStreams {
  const { stateDir, workspace } = environment;
  const pruned = [...NOT_OURS, stateDir, workspace];
  const any = (paths: string[]): string[] =>
    paths.flatMap((path, index) => [...(index > 0 ? ['-o'] : []), '-path', path]);
  const life = join(stateDir, LIFE_FILE);
  const system = [
    '(',
    ...any(pruned),
    ')',
    '-prune',
    '-o',
    '(',
    ...any(HOST_FILES),
    ')',
    '-o',
    '-cnewer',
    life,
    '-print0',
  ];
  // A shell, since one list of names is made of two searches.
  const script = 'find "$1" -xdev -print0; shift; find / -xdev "$@"';
  return spawn('/bin/sh', ['-c', script, 'sh', workspace, ...system]);
}

async function pack({ response, signal }: BoxRequest, deps: ArchiveDeps): Promise<undefined> {
  const names = changedFiles(deps);
  const args = [
    '--create',
    '--file=-',
    ...FAITHFUL,
    '--no-recursion',
    '--null',
    '--files-from=-',
    '--absolute-names',
  ];
  const tar = spawn('tar', args);
  const end = (): void => {
    names.kill('SIGKILL');
    tar.kill('SIGKILL');
  };
  signal.addEventListener('abort', end, { once: true });
  const outcome = exitOf(tar);
  try {
    // Names of files that vanish are no failure of the search.
    pipeline(names.stdout, tar.stdin).catch(() => undefined);
    response.writeHead(200, { 'content-type': 'application/zstd' });
    const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    // The last bytes wait for the exit code: an archive that tar gave up on must not look whole.
    await pipeline(tarOutput(tar, outcome), compress, response, { signal });
  } catch (error) {
    response.destroy();
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
  return undefined;
}

async function* tarOutput(
  tar: ChildProcessWithoutNullStreams,
  outcome: Promise<TarOutcome>,
): AsyncGenerator<Buffer, void> {
  for await (const chunk of tar.stdout as AsyncIterable<Buffer>) yield chunk;
  requireDone(await outcome, [0, FILES_CHANGED]);
}

async function unpack({ raw, signal }: BoxRequest, deps: ArchiveDeps): Promise<object> {
  if (!deps.isFresh()) {
    throw new BoxError(409, 'ALREADY_CONFIGURED', 'This box is in use; files are laid over a fresh one only');
  }
  const args = ['--extract', '--file=-', ...FAITHFUL, '--same-owner', '--same-permissions'];
  const tar = spawn('tar', [...args, '-C', '/']);
  const outcome = exitOf(tar);
  tar.stdout.resume();
  try {
    await pipeline(Readable.from(raw as AsyncIterable<Buffer>), createZstdDecompress(), inputOf(tar.stdin), {
      signal,
    });
    requireDone(await outcome, [0]);
  } finally {
    tar.kill('SIGKILL');
  }
  return { ok: true };
}

/** Takes all there is, also when tar has ended by then: its exit code says more than a pipe that broke. */
function inputOf(stdin: Writable): Writable {
  return new Writable({
    write: (chunk, _encoding, done) => void (stdin.destroyed ? done() : stdin.write(chunk, () => done())),
    final: (done) => void (stdin.destroyed ? done() : stdin.end(() => done())),
  });
}

interface TarOutcome {
  code: number | null;
  words: string;
}

function exitOf(child: ChildProcessWithoutNullStreams): Promise<TarOutcome> {
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    words = (words + chunk).slice(-WORDS_BYTES);
  });
  child.stdin.on('error', () => undefined);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, words: error.message }));
    child.once('close', (code) => resolve({ code, words }));
  });
}

function requireDone({ code, words }: TarOutcome, good: number[]): void {
  if (code !== null && good.includes(code)) return;
  throw new BoxError(500, 'ARCHIVE_FAILED', `tar failed (${code ?? 'killed'}): ${words.trim()}`);
}
