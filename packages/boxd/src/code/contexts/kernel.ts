import type { ContextLanguage } from '@banata/protocol/box';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { killTree } from '../../exec/kill-tree.ts';
import type { Account } from '../../services.ts';
import { kernelMessageSchema, LineSplitter, type KernelMessage } from './kernel-messages.ts';
import { MarkedOutput } from './marked-output.ts';
import type { RunCollector } from './run-collector.ts';

const MARKER = 'BANATA_KERNEL_ID';
const LAST_WORDS_MS = 100;
const MAX_LOG_CHARS = 2_000;

export interface KernelSpec {
  /** Of the context it belongs to. */
  id: string;
  language: ContextLanguage;
  command: readonly [string, ...string[]];
  cwd: string;
  env: Record<string, string>;
  account: Account;
}

interface ActiveRun {
  id: string;
  collector: RunCollector;
  outputs: { stdout: MarkedOutput; stderr: MarkedOutput } | undefined;
  done: boolean;
  finished: PromiseWithResolvers<void>;
}

/** One interpreter process: Node's kernel itself, or the bridge to IPython's. */
export class Kernel {
  /** Resolves with how it ended, such as `exit code 1`. */
  readonly ended: Promise<string>;
  readonly #spec: KernelSpec;
  /** Its own, not its context's: the search for what an ended kernel left goes on while the next one starts. */
  readonly #mark: string;
  readonly #child: ChildProcess;
  readonly #ready = Promise.withResolvers<void>();
  readonly #lines = new LineSplitter();
  #over = false;
  #log = '';
  #active: ActiveRun | undefined;

  constructor(spec: KernelSpec) {
    this.#spec = spec;
    this.#mark = `${spec.id}-${randomBytes(8).toString('hex')}`;
    const [program, ...args] = spec.command;
    const { uid, gid } = spec.account;
    this.#child = spawn(program, args, {
      cwd: spec.cwd,
      env: { ...spec.env, BANATA_SERVICE: 'context', [MARKER]: this.#mark },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
      ...(uid === process.getuid?.() ? {} : { uid, gid }),
    });
    this.ended = this.#end();
    this.#listen();
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** What it wrote to stderr before it was ready, for an error's text. */
  get log(): string {
    return this.#log.trim();
  }

  /** Resolves when it takes code or has ended. */
  async started(): Promise<void> {
    await Promise.race([this.#ready.promise, this.ended]);
  }

  /** Runs code; resolves when it is done or the kernel has ended. One run at a time. */
  async run(code: string, collector: RunCollector, maxOutputBytes: number): Promise<void> {
    const id = randomBytes(8).toString('hex');
    const mark = `\0banata:${randomBytes(16).toString('hex')}\0`;
    const ownsOutput = this.#spec.language !== 'python';
    const run: ActiveRun = {
      id,
      collector,
      outputs: ownsOutput
        ? {
            stdout: new MarkedOutput(mark, (text) => collector.addText('stdout', text)),
            stderr: new MarkedOutput(mark, (text) => collector.addText('stderr', text)),
          }
        : undefined,
      done: false,
      finished: Promise.withResolvers(),
    };
    this.#active = run;
    const { language } = this.#spec;
    this.#send({ op: 'run', id, code, limit: maxOutputBytes, language, mark });
    await Promise.race([run.finished.promise, this.ended]);
    this.#active = undefined;
  }

  /** Breaks off what runs; the interpreter and its variables stay. */
  interrupt(): void {
    if (this.#over) return;
    if (this.#spec.language === 'python') this.#send({ op: 'interrupt' });
    else this.#child.kill('SIGINT');
  }

  /** Ends the interpreter with all it started. */
  async kill(): Promise<void> {
    await killTree({
      root: this.#child.pid,
      marker: { name: MARKER, value: this.#mark },
      accounts: [this.#spec.account],
      graceMs: 0,
    });
  }

  #listen(): void {
    const [, stdout, stderr, commands, messages] = this.#child.stdio as [
      null,
      Readable,
      Readable,
      Writable,
      Readable,
    ];
    for (const stream of [stdout, stderr, commands, messages]) stream.on('error', () => undefined);
    stdout.on('data', (chunk: Buffer) => this.#output('stdout', chunk));
    stderr.on('data', (chunk: Buffer) => this.#output('stderr', chunk));
    messages.setEncoding('utf8').on('data', (text: string) => this.#messages(text));
  }

  #output(name: 'stdout' | 'stderr', chunk: Buffer): void {
    if (name === 'stderr') this.#log = (this.#log + chunk.toString('utf8')).slice(-MAX_LOG_CHARS);
    this.#active?.outputs?.[name].push(chunk);
    this.#settle();
  }

  #messages(text: string): void {
    try {
      for (const line of this.#lines.push(text)) {
        const message = kernelMessageSchema.safeParse(JSON.parse(line));
        if (message.success) this.#take(message.data);
      }
    } catch {
      // What does not speak the kernel's language is not the kernel any more.
      void this.kill();
    }
  }

  #take(message: KernelMessage): void {
    if (message.type === 'ready') this.#ready.resolve();
    else if (message.type === 'died') void this.kill();
    else if (this.#active?.id === message.id) {
      this.#active.collector.take(message);
      if (message.type === 'done') this.#active.done = true;
      this.#settle();
    }
  }

  /** A run is over when its kernel says so and all of its output has come. */
  #settle(): void {
    const run = this.#active;
    if (!run?.done) return;
    if (run.outputs === undefined || (run.outputs.stdout.seen && run.outputs.stderr.seen))
      run.finished.resolve();
  }

  #send(command: object): void {
    const input = this.#child.stdio[3] as Writable;
    if (!this.#over) input.write(`${JSON.stringify(command)}\n`);
  }

  async #end(): Promise<string> {
    const how = await new Promise<string>((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    // Its output may come a little later than the word of its end.
    if (this.#child.pid !== undefined) await Promise.race([once(this.#child, 'close'), sleep(LAST_WORDS_MS)]);
    this.#over = true;
    return how;
  }
}
