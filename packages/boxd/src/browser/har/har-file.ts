import { createReadStream } from 'node:fs';
import { appendFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

/** Longest file; what comes after is counted and left out. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Entries that wait for the disk. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** Entries of a HAR file, a line each, so that a daemon that is killed loses only the one it was writing. */
export class HarFile {
  readonly #folder: string;
  readonly #path: string;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #bytes: number | undefined;
  #leftOut = 0;
  #writing: Promise<void> = Promise.resolve();
  #isBusy = false;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'har');
    this.#path = join(this.#folder, 'entries');
  }

  add(entry: object): void {
    const line = `${JSON.stringify(entry)}\n`;
    const size = Buffer.byteLength(line);
    if (this.#waitingBytes + size > MAX_WAITING_BYTES || (this.#bytes ?? 0) + size > MAX_BYTES) {
      this.#leftOut += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += size;
    if (!this.#isBusy) this.#writing = this.#write();
  }

  /** The file, as it is once what was added is written. */
  async read(): Promise<Readable> {
    await this.#writing;
    return Readable.from(this.#text(), { objectMode: false });
  }

  /** Never rejects: what cannot be written is left out. */
  async #write(): Promise<void> {
    this.#isBusy = true;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      this.#bytes ??= await sizeOf(this.#path);
      while (this.#waiting.length > 0) {
        const lines = this.#waiting;
        const size = this.#waitingBytes;
        this.#waiting = [];
        this.#waitingBytes = 0;
        await appendFile(this.#path, lines.join(''), { mode: 0o600 });
        this.#bytes += size;
      }
    } catch {
      this.#leftOut += this.#waiting.length + 1;
      this.#waiting = [];
      this.#waitingBytes = 0;
    } finally {
      this.#isBusy = false;
    }
  }

  async *#text(): AsyncGenerator<string, void> {
    const head = { version: '1.2', creator: { name: 'Banata', version: '1' } };
    yield `{"log":${JSON.stringify(head).slice(0, -1)},"entries":[`;
    let isFirst = true;
    for await (const line of lines(this.#path)) {
      if (!isJson(line)) continue;
      yield `${isFirst ? '' : ',\n'}${line}`;
      isFirst = false;
    }
    const comment = this.#leftOut === 0 ? '' : `,"comment":"${this.#leftOut} requests were left out"`;
    yield `]${comment}}}\n`;
  }
}

async function* lines(path: string): AsyncGenerator<string, void> {
  if ((await sizeOf(path)) === 0) return;
  const input = createReadStream(path, 'utf8');
  try {
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  } finally {
    input.destroy();
  }
}

/** The last line of a daemon that was killed may be cut off. */
function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
