import type { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';

export interface OutputOptions {
  stdout: Writable;
  stderr: Writable & { isTTY?: boolean; columns?: number };
  /** Nothing but the result goes to stdout. */
  json: boolean;
}

/** A long step that is under way. */
export interface StepProgress {
  /** What it does at the moment, for people. */
  update(note: string): void;
}

const TICK_MS = 200;
const HEARTBEAT_MS = 15_000;

/** All the CLI writes: narration, the progress of long steps (always stderr), and the result. */
export class Output {
  readonly json: boolean;
  readonly #stdout: Writable;
  readonly #stderr: OutputOptions['stderr'];

  constructor(options: OutputOptions) {
    this.json = options.json;
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
  }

  /** A line for people: on stdout, or on stderr where stdout is for a program. */
  say(line = ''): void {
    (this.json ? this.#stderr : this.#stdout).write(`${line}\n`);
  }

  /** A line beside the narration. */
  note(line: string): void {
    this.#stderr.write(`${line}\n`);
  }

  /** The result for a program: exactly one line on stdout. */
  result(value: unknown): void {
    this.#stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Runs a long step and shows that it lives: one changing line on a terminal, now and then a line elsewhere. */
  async step<T>(label: string, work: (progress: StepProgress) => Promise<T>): Promise<T> {
    const began = performance.now();
    let note = '';
    let spoke = began;
    const timer = setInterval(() => {
      const seconds = Math.floor((performance.now() - began) / 1000);
      if (this.#stderr.isTTY) {
        const line = `  ${label}… ${seconds} s  ${note}`.slice(0, (this.#stderr.columns ?? 80) - 1);
        this.#stderr.write(`\r\u001b[K${line}`);
      } else if (performance.now() - spoke >= HEARTBEAT_MS) {
        spoke = performance.now();
        this.#stderr.write(`  ${label}… ${seconds} s  ${note}\n`);
      }
    }, TICK_MS);
    try {
      const result = await work({ update: (text) => (note = plainText(text)) });
      this.#clear();
      this.#stderr.write(`  ✓ ${label} (${formatMs(performance.now() - began)})\n`);
      return result;
    } catch (error) {
      this.#clear();
      this.#stderr.write(`  ✗ ${label}\n`);
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  #clear(): void {
    if (this.#stderr.isTTY) this.#stderr.write('\r\u001b[K');
  }
}

/** Text of a sandbox or a model on one line, without what could steer a terminal. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim();
}

/** @returns such as `850 ms`, `3.2 s` or `4 min 05 s`. */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}
