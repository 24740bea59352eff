import { ARCHIVE_TRAILER } from '@banata/protocol/box';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { opendir } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FileError } from './file-error.ts';

const MAX_REASON_LENGTH = 300;

/**
 * Writes the folder `$1` to standard output as a zip. What is no file, folder or link is left out: zip would fail at a
 * socket. zip says quietly that it failed, and not at what.
 */
const ZIP = `set -o pipefail
find "$1" \\( -type f -o -type d -o -type l \\) -print | zip --symlinks --quiet - -@ ||
  { code=$?; find "$1" ! -type l ! -readable -printf ' %p' -quit >&2; exit $code; }`;

/** Programs that write the folder `name` of their working directory to standard output as an archive. */
const programs: Record<string, { type: string; command: (name: string) => [string, ...string[]] }> = {
  zip: { type: 'application/zip', command: (name) => ['bash', '-c', ZIP, 'zip', name] },
  'tar.zst': {
    type: 'application/zstd',
    command: (name) => ['tar', '--create', '--zstd', '--sparse', '--file=-', '--', name],
  },
};

/** tar: some files changed while they were read. A workspace is in use. */
const TAR_CHANGED = 1;

/** Sends a folder as an archive. The trailer at the end says whether it is whole. */
export async function archiveFolder(
  path: string,
  format: string | null,
  response: ServerResponse,
): Promise<void> {
  const program = programs[format ?? ''];
  if (!program)
    throw new FileError(400, 'INVALID_FIELD', `format: must be one of ${Object.keys(programs).join(', ')}`);
  // Says what is wrong with the path before anything is sent.
  await (await opendir(path)).close();
  if (path === '/') throw new FileError(400, 'INVALID_PATH', 'the whole system cannot be packaged');
  const [command, ...args] = program.command(`./${basename(path)}`);
  const child = spawn(command, args, {
    cwd: dirname(path),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, which ends as one.
    detached: true,
  });
  try {
    await once(child, 'spawn');
    response.setHeader('content-type', program.type);
    response.setHeader('trailer', ARCHIVE_TRAILER);
    const [outcome] = await Promise.all([outcomeOf(child), pipeline(child.stdout, response, { end: false })]);
    response.addTrailers({ [ARCHIVE_TRAILER]: outcome });
    response.end();
  } finally {
    endGroup(child);
  }
}

/** `whole`, or what the program complained of, as a header may carry it. */
async function outcomeOf(child: ChildProcess): Promise<string> {
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    if (complaints.length < MAX_REASON_LENGTH) complaints += chunk.toString();
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code === 0 || (child.spawnfile === 'tar' && code === TAR_CHANGED)) return 'whole';
  const reason = complaints.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
  return `packaging ended with ${code ?? signal}: ${reason}`.slice(0, MAX_REASON_LENGTH);
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
