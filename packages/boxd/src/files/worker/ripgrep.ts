import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { FileError } from './file-error.ts';
import { PROGRAM_ENV } from './run-program.ts';

/** A search ends after this long with what it has found. */
const LIMIT_MS = 25_000;
/** What is longer than this between two separators is passed over. */
const MAX_RECORD_BYTES = 1024 * 1024;
const MAX_MESSAGE_CHARS = 2000;
const MAX_RUNNING = 4;
const NO_MATCH = 1;

export interface RipgrepOptions {
  args: readonly string[];
  cwd: string;
  separator: '\n' | '\0';
  signal: AbortSignal;
  /** Takes one record; answers whether it wants more. */
  onRecord: (record: Buffer) => boolean;
}

/** Runs ripgrep, of which only a few run at once. */
export class Ripgrep {
  #running = 0;

  /** Resolves with whether it came to its end: false when the limit of time or the taker of records ended it. */
  async run(options: RipgrepOptions): Promise<boolean> {
    if (this.#running >= MAX_RUNNING) {
      throw new FileError(
        429,
        'TOO_MANY_SEARCHES',
        `${MAX_RUNNING} searches run already; wait for one to end`,
      );
    }
    this.#running += 1;
    try {
      return await search(options);
    } finally {
      this.#running -= 1;
    }
  }
}

async function search({ args, cwd, separator, signal, onRecord }: RipgrepOptions): Promise<boolean> {
  const child = spawn('rg', ['--no-config', '--no-messages', ...args], {
    cwd,
    env: PROGRAM_ENV,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let cut = false;
  const stop = (): void => {
    cut = true;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(stop, LIMIT_MS);
  signal.addEventListener('abort', stop, { once: true });
  let message = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (message.length < MAX_MESSAGE_CHARS) message += chunk.toString();
  });
  const records = new RecordSplitter(separator.charCodeAt(0), onRecord);
  child.stdout.on('data', (chunk: Buffer) => {
    if (!cut && !records.push(chunk)) stop();
  });
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    signal.throwIfAborted();
    // Files that could not be read make it 2 as well; then there is no message, as those are switched off.
    if (!cut && code !== 0 && code !== NO_MATCH && message !== '') throw patternError(message);
    return !cut && records.complete;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new FileError(501, 'NOT_SUPPORTED', 'The image of this sandbox has no ripgrep', { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function patternError(message: string): FileError {
  return new FileError(400, 'INVALID_PATTERN', message.trim().slice(0, 400));
}

/** Cuts a stream of bytes into records. */
class RecordSplitter {
  /** False when a record was passed over. */
  complete = true;
  readonly #separator: number;
  readonly #onRecord: (record: Buffer) => boolean;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #skipping = false;

  constructor(separator: number, onRecord: (record: Buffer) => boolean) {
    this.#separator = separator;
    this.#onRecord = onRecord;
  }

  /** @returns whether more is wanted. */
  push(chunk: Buffer): boolean {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(this.#separator, start);
      if (end === -1) break;
      const record = this.#take(chunk.subarray(start, end));
      if (record && !this.#onRecord(record)) return false;
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return true;
  }

  #take(tail: Buffer): Buffer | undefined {
    const record = this.#skipping ? undefined : Buffer.concat([...this.#rest, tail]);
    this.#rest = [];
    this.#restBytes = 0;
    this.#skipping = false;
    return record;
  }

  #keep(part: Buffer): void {
    if (this.#skipping || part.length === 0) return;
    this.#rest.push(part);
    this.#restBytes += part.length;
    if (this.#restBytes <= MAX_RECORD_BYTES) return;
    this.complete = false;
    this.#skipping = true;
    this.#rest = [];
  }
}
