import { spawn, type IPty } from '@lydell/node-pty';
import { until } from './until.ts';

const LIMIT_MS = 20_000;

/** A program on a terminal of its own, as a person has it before them. */
export class Tty {
  readonly #pty: IPty;
  #text = '';
  #seen = 0;
  #exitCode: number | undefined;

  constructor(program: string, args: string[], env: Record<string, string>) {
    this.#pty = spawn(program, args, { name: 'xterm-256color', cols: 100, rows: 30, env });
    this.#pty.onData((data) => (this.#text += data));
    this.#pty.onExit(({ exitCode }) => (this.#exitCode = exitCode));
  }

  /** Presses keys. */
  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(cols: number, rows: number): void {
    this.#pty.resize(cols, rows);
  }

  /** Waits for text behind what was waited for before, and answers the match. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    try {
      return await until(
        String(pattern),
        () => {
          const match = pattern.exec(this.#text.slice(this.#seen));
          if (match) this.#seen += match.index + match[0].length;
          return Promise.resolve(match ?? undefined);
        },
        LIMIT_MS,
      );
    } catch (error) {
      throw new Error(`The terminal does not show ${String(pattern)}: ${JSON.stringify(this.#text)}`, {
        cause: error,
      });
    }
  }

  /** Exit code of the program, once it has ended. */
  ended(): Promise<number> {
    return until('the end of the program', () => Promise.resolve(this.#exitCode), LIMIT_MS);
  }

  /** Ends the program, where it has not. */
  close(): void {
    if (this.#exitCode === undefined) this.#pty.kill('SIGKILL');
  }
}
