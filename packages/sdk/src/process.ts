import { toBase64 } from './base64.ts';
import { BanataError } from './error.ts';
import { readSse } from './read-sse.ts';
import { retryDelay, sleep } from './retry.ts';
import type { Transport } from './transport.ts';
import type { BackgroundProcess, CallOptions, ProcessChunk, ProcessOutput, ProcessSignal } from './types.ts';

const BASE = '/v1/sandboxes/processes';
/** One long poll of `wait`, ms. */
const POLL_MS = 30_000;
const REPLY_MARGIN_MS = 30_000;

/** Options of {@link SandboxProcesses.start}. */
export interface StartProcessOptions extends CallOptions {
  /** Default /workspace. */
  cwd?: string;
  /** Added to the environment of the sandbox. */
  env?: Record<string, string>;
  /** Default `user`. */
  user?: 'user' | 'root';
  /** True: standard input can be written to until it is closed. Default false: it is empty. */
  stdin?: boolean;
}

/** Where to go on reading, bytes of each stream that the caller has. */
export interface OutputOffsets {
  /** Default 0: from the beginning. */
  stdoutOffset?: number;
  /** Default 0: from the beginning. */
  stderrOffset?: number;
}

/** A piece of output, as {@link SandboxProcesses.follow} yields it. */
export type OutputPiece = ProcessChunk & { stream: 'stdout' | 'stderr' };

/** Background processes: they go on when the caller, the server or the daemon of the sandbox goes away. */
export class SandboxProcesses {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Starts a process; a program that cannot be run is answered with status "exited" and `error`.
   * @param args With them `command` is a program; without, a shell line.
   * @throws BanataError `SANDBOX_EXHAUSTED` when 64 run already.
   * @example
   * ```ts
   * const { id } = await sandbox.process.start('npm run dev', undefined, { cwd: '/workspace/app' });
   * ```
   */
  start(
    command: string,
    args?: readonly string[],
    options: StartProcessOptions = {},
  ): Promise<BackgroundProcess> {
    const { signal, ...rest } = options;
    return this.#post('', { ...rest, command, args }, signal);
  }

  /** All that run, and the newest that have ended. @example `await sandbox.process.list()` */
  async list(options: CallOptions = {}): Promise<BackgroundProcess[]> {
    const { processes } = await this.#get<{ processes: BackgroundProcess[] }>('', {}, options.signal);
    return processes;
  }

  /** @throws BanataError `PROCESS_NOT_FOUND`. @example `(await sandbox.process.get(id)).status` */
  get(processId: string, options: CallOptions = {}): Promise<BackgroundProcess> {
    return this.#get('', { processId }, options.signal);
  }

  /**
   * What there is of the output from the offsets on, at most `maxBytes` (default 1 MiB) of each stream.
   * @example
   * ```ts
   * const { stdout, ended } = await sandbox.process.output(id, { stdoutOffset: seen });
   * ```
   */
  output(
    processId: string,
    options: CallOptions & OutputOffsets & { maxBytes?: number } = {},
  ): Promise<ProcessOutput> {
    const { signal, ...query } = options;
    return this.#get('/output', { ...query, processId }, signal);
  }

  /**
   * Output as it comes, until the process ends; broken connections are picked up where they broke, so that nothing
   * is lost or told twice.
   * @throws BanataError `PROCESS_NOT_FOUND`, `SANDBOX_ENDED`.
   * @example
   * ```ts
   * for await (const { stream, data } of sandbox.process.follow(id)) process[stream].write(data);
   * ```
   */
  async *follow(
    processId: string,
    options: CallOptions & OutputOffsets = {},
  ): AsyncGenerator<OutputPiece, BackgroundProcess> {
    const offsets = { stdout: options.stdoutOffset ?? 0, stderr: options.stderrOffset ?? 0 };
    for (let failures = 0; ;) {
      try {
        const response = await this.#transport.open({
          method: 'GET',
          path: `${BASE}/output`,
          query: { id: this.#id, processId, stdoutOffset: offsets.stdout, stderrOffset: offsets.stderr },
          headers: { accept: 'text/event-stream' },
          signal: options.signal,
        });
        for await (const { event, data } of readSse(response, 'end')) {
          failures = 0;
          if (event === 'end') return JSON.parse(data) as BackgroundProcess;
          if (event !== 'stdout' && event !== 'stderr') continue;
          const chunk = JSON.parse(data) as ProcessChunk;
          offsets[event] = chunk.nextOffset;
          yield { ...chunk, stream: event };
        }
      } catch (error) {
        options.signal?.throwIfAborted();
        failures += 1;
        if (failures > this.#transport.retry.maxRetries || !isPassing(error)) throw error;
        await sleep(retryDelay(failures - 1, this.#transport.retry), options.signal);
      }
    }
  }

  /**
   * Writes to standard input. A process that does not read for 10 s is an error.
   * @param options.close Ends standard input after the data.
   * @throws BanataError `CONFLICT`.
   * @example `await sandbox.process.write(id, 'yes\n', { close: true })`
   */
  async write(
    processId: string,
    data: string | Uint8Array,
    options: CallOptions & { close?: boolean } = {},
  ): Promise<void> {
    const { signal, close } = options;
    const content = typeof data === 'string' ? { data } : { data: toBase64(data), encoding: 'base64' };
    await this.#post('/stdin', { ...content, processId, close }, signal);
  }

  /**
   * Sends a signal to the process and its group; SIGKILL ends all it started. Default SIGTERM.
   * @example `await sandbox.process.signal(id, 'SIGINT')`
   */
  signal(
    processId: string,
    signal: ProcessSignal = 'SIGTERM',
    options: CallOptions = {},
  ): Promise<BackgroundProcess> {
    return this.#post('/signal', { processId, signal }, options.signal);
  }

  /**
   * Waits for the end.
   * @param options.timeout Longest wait, ms. Default 60,000; a process that still runs then has status "running".
   * @example `const { exitCode } = await sandbox.process.wait(id, { timeout: 300_000 })`
   */
  async wait(
    processId: string,
    options: CallOptions & { timeout?: number } = {},
  ): Promise<BackgroundProcess> {
    const deadline = Date.now() + (options.timeout ?? 60_000);
    for (;;) {
      const timeout = Math.max(0, Math.min(POLL_MS, deadline - Date.now()));
      const found = await this.#post<BackgroundProcess>(
        '/wait',
        { processId, timeout },
        options.signal,
        'idempotent',
      );
      if (found.status !== 'running' || Date.now() >= deadline) return found;
    }
  }

  #get<T>(
    path: string,
    query: Record<string, string | number | undefined>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return this.#transport.json({
      method: 'GET',
      path: BASE + path,
      query: { id: this.#id, ...query },
      signal,
    });
  }

  #post<T>(
    path: string,
    body: object,
    signal: AbortSignal | undefined,
    safety: 'once' | 'idempotent' = 'once',
  ): Promise<T> {
    const timeoutMs = POLL_MS + REPLY_MARGIN_MS;
    const json = { ...body, id: this.#id };
    return this.#transport.json({ method: 'POST', path: BASE + path, json, safety, timeoutMs, signal });
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof BanataError)) return false;
  const passing: string[] = ['NETWORK_ERROR', 'TIMEOUT', 'SANDBOX_UNREACHABLE', 'SANDBOX_TIMEOUT'];
  return passing.includes(error.code) || error.status >= 500;
}
