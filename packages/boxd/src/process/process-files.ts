import { constants } from 'node:fs';
import { mkdir, open, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.ts';

export type StreamName = 'stdout' | 'stderr';

const metaSchema = z.object({
  id: z.string(),
  command: z.string(),
  args: z.array(z.string()).nullable(),
  cwd: z.string(),
  user: z.enum(['user', 'root']),
  stdin: z.boolean(),
  startedAt: z.number(),
  supervisor: z.object({ pid: z.number().int(), startTime: z.string() }).nullable(),
  endedAt: z.number().nullable(),
  truncated: z.boolean(),
  stdinClosed: z.boolean(),
});
/** What the daemon writes down about a background process; its end is in the supervisor's record. */
export type ProcessMeta = z.infer<typeof metaSchema>;

/** What the supervisor wrote down. */
export interface ProcessRecord {
  pid: number | null;
  refused: { step: 'CWD' | 'EXEC'; errno: number } | null;
  exitCode: number | null;
  signal: number | null;
  ended: boolean;
}

/** The directory of one background process. Only root may list it. */
export class ProcessFiles {
  readonly directory: string;
  readonly #streamBytes: number;

  /** @param streamBytes what of each stream is kept on disk; the rest is thrown away. */
  constructor(directory: string, streamBytes: number) {
    this.directory = directory;
    this.#streamBytes = streamBytes;
  }

  get fifo(): string {
    return join(this.directory, 'stdin');
  }

  get recordPath(): string {
    return join(this.directory, 'record');
  }

  stream(name: StreamName): string {
    return join(this.directory, name);
  }

  async create(): Promise<void> {
    await mkdir(this.directory, { mode: 0o711 });
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  async save(meta: ProcessMeta): Promise<void> {
    await writeFileAtomically(join(this.directory, 'meta.json'), JSON.stringify(meta));
  }

  /** Undefined when the directory is that of a process whose start was broken off. */
  async load(): Promise<ProcessMeta | undefined> {
    const text = await readFile(join(this.directory, 'meta.json'), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const parsed = metaSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  }

  async record(): Promise<ProcessRecord> {
    const text = await readFile(this.recordPath, 'utf8').catch(() => '');
    return parseRecord(text);
  }

  /** Bytes of a stream that can be read. */
  async size(name: StreamName): Promise<number> {
    const { size } = await stat(this.stream(name)).catch(() => ({ size: 0 }));
    return Math.min(size, this.#streamBytes);
  }

  /** Cuts streams that are too long; the writer appends, so it goes on at the new end. @returns whether one was. */
  async enforceLimit(): Promise<boolean> {
    let cut = false;
    for (const name of ['stdout', 'stderr'] as const) {
      const { size } = await stat(this.stream(name)).catch(() => ({ size: 0 }));
      if (size <= this.#streamBytes) continue;
      await truncate(this.stream(name), this.#streamBytes);
      cut = true;
    }
    return cut;
  }

  /** Up to `maxBytes` of a stream from `offset` on; empty at the present end. */
  async read(name: StreamName, offset: number, maxBytes: number): Promise<Buffer> {
    const length = Math.min(maxBytes, (await this.size(name)) - offset);
    if (length <= 0) return Buffer.alloc(0);
    const handle = await open(this.stream(name), constants.O_RDONLY);
    try {
      const buffer = Buffer.alloc(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    } finally {
      await handle.close();
    }
  }
}

/** Parses what `banata-supervise` writes. */
export function parseRecord(text: string): ProcessRecord {
  const record: ProcessRecord = { pid: null, refused: null, exitCode: null, signal: null, ended: false };
  const refused = /^refused (CWD|EXEC) (\d+)$/m.exec(text);
  if (refused) {
    record.refused = { step: refused[1] === 'CWD' ? 'CWD' : 'EXEC', errno: Number(refused[2]) };
    record.ended = true;
  }
  const started = /^started (\d+)$/m.exec(text);
  if (started) record.pid = Number(started[1]);
  const end = /^(exit|signal) (\d+)$/m.exec(text);
  if (end) {
    record.ended = true;
    if (end[1] === 'exit') record.exitCode = Number(end[2]);
    else record.signal = Number(end[2]);
  }
  return record;
}
