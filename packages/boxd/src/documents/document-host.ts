import type { BoxConversion } from '@banata/protocol/box';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { LineSplitter } from '../code/contexts/kernel-messages.ts';
import { killTree } from '../exec/kill-tree.ts';
import { BoxError } from '../http/route.ts';
import { preferForOom } from '../limits/oom-score.ts';
import type { Account } from '../services.ts';
import { hostMessageSchema, type HostAnswer, type HostMessage } from './host-messages.ts';

const START_TIMEOUT_MS = 30_000;
const MARKER = 'BANATA_DOCUMENT_HOST';

export interface HostSpec {
  /** Command line of `banata-convert --serve`. */
  command: readonly [string, ...string[]];
  account: Account;
  path: string;
  /** Unlike that of any other host, so that its processes can be told. */
  id: string;
}

/** A job as the host takes it. */
export interface HostJob {
  id: string;
  /** Address space that the conversion and each program it starts may have. */
  memoryBytes: number;
  cpuSeconds: number;
  job: { source: string; to: string; output: string | undefined; options: BoxConversion['options'] };
}

/** The host ended before it answered. */
export class HostLostError extends Error {
  override readonly name = 'HostLostError';
}

/** One run of the program that has the office's code loaded and forks a process for each document. */
export class DocumentHost {
  /** Resolves when the host has ended, with why. */
  readonly ended: Promise<string>;
  readonly #spec: HostSpec;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines = new LineSplitter();
  readonly #ready = Promise.withResolvers<void>();
  readonly #waiting = new Map<string, (answer: HostAnswer) => void>();
  #over = false;

  constructor(spec: HostSpec) {
    this.#spec = spec;
    const [program, ...args] = spec.command;
    const { uid, gid } = spec.account;
    this.#child = spawn(program, args, {
      cwd: '/',
      env: {
        PATH: spec.path,
        HOME: '/tmp',
        LC_ALL: 'C.UTF-8',
        BANATA_SERVICE: 'documents',
        [MARKER]: spec.id,
      },
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      ...(uid === process.getuid?.() ? {} : { uid, gid }),
    });
    preferForOom(this.#child.pid);
    this.ended = this.#end();
    this.#listen();
  }

  get isOver(): boolean {
    return this.#over;
  }

  /**
   * Resolves when it takes jobs.
   * @throws {HostLostError}
   * @throws {BoxError} CONVERTER_MISSING.
   */
  async whenReady(): Promise<void> {
    const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
    const late = once(timeout, 'abort').then(() =>
      Promise.reject(new HostLostError('did not start in time')),
    );
    const lost = this.ended.then((how) => Promise.reject(new HostLostError(how)));
    await Promise.race([this.#ready.promise, late, lost]);
  }

  /**
   * The host's answer to a job.
   * @throws {HostLostError}
   */
  async run(job: HostJob): Promise<HostAnswer> {
    const answer = new Promise<HostAnswer>((resolve) => this.#waiting.set(job.id, resolve));
    this.#send({ op: 'convert', ...job });
    try {
      const lost = this.ended.then((how) => Promise.reject(new HostLostError(how)));
      return await Promise.race([answer, lost]);
    } finally {
      this.#waiting.delete(job.id);
    }
  }

  /** Ends a job; its answer says so. */
  cancel(id: string): void {
    this.#send({ op: 'cancel', id });
  }

  /** Ends the host with all it started. */
  async kill(): Promise<void> {
    await killTree({
      root: this.#child.pid,
      marker: { name: MARKER, value: this.#spec.id },
      accounts: [this.#spec.account],
      graceMs: 0,
    });
  }

  #listen(): void {
    for (const stream of [this.#child.stdin, this.#child.stdout]) stream.on('error', () => undefined);
    this.#ready.promise.catch(() => undefined);
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      try {
        for (const line of this.#lines.push(text)) this.#take(hostMessageSchema.parse(JSON.parse(line)));
      } catch {
        // What does not speak the host's language is not the host any more.
        void this.kill();
      }
    });
  }

  #take(message: HostMessage): void {
    if (message.type === 'ready') this.#ready.resolve();
    else if (message.type === 'missing')
      this.#ready.reject(
        new BoxError(501, 'CONVERTER_MISSING', 'The image of this sandbox has no LibreOffice; build it anew'),
      );
    else this.#waiting.get(message.id)?.(message);
  }

  #send(command: object): void {
    if (!this.#over) this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  async #end(): Promise<string> {
    const how = await new Promise<string>((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    this.#over = true;
    return how;
  }
}
