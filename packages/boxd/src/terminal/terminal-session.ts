import type { BoxTerminal, TerminalEvent } from '@banata/protocol/box';
import { terminalCommandSchema } from '@banata/protocol/box';
import type { IPty } from '@lydell/node-pty';
import type { WebSocket } from 'ws';
import { Scrollback } from './scrollback.ts';

const MAX_VIEWERS = 16;
/** From this much unsent output on, the shell is held up for a viewer, at most {@link MAX_HOLD_MS}. */
const MAX_BACKLOG_BYTES = 1024 * 1024;
const MAX_HOLD_MS = 5_000;
const HOLD_POLL_MS = 20;

/** One shell on a pseudo-terminal, with any number of viewers. Goes on without them. */
export class TerminalSession {
  readonly id: string;
  readonly #pty: IPty;
  readonly #createdAt = Date.now();
  readonly #scrollback = new Scrollback();
  readonly #viewers = new Set<WebSocket>();
  #exit: { exitCode: number; signal: number } | undefined;
  #hold: NodeJS.Timeout | undefined;

  /** @param onExit called once, when the shell has ended. */
  constructor(id: string, pty: IPty, onExit: () => void) {
    this.id = id;
    this.#pty = pty;
    // Bytes come as Buffers, as the pseudo-terminal was opened without an encoding.
    pty.onData((data) => this.#output(data as unknown as Buffer));
    pty.onExit(({ exitCode, signal }) => {
      this.#exit = { exitCode, signal: signal ?? 0 };
      for (const viewer of this.#viewers) this.#sayGoodbye(viewer);
      onExit();
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  view(): BoxTerminal {
    return {
      id: this.id,
      cols: this.#pty.cols,
      rows: this.#pty.rows,
      viewers: this.#viewers.size,
      createdAt: this.#createdAt,
      exited: this.#exit !== undefined,
    };
  }

  attach(viewer: WebSocket): void {
    if (this.#viewers.size >= MAX_VIEWERS) {
      viewer.close(1013, `The terminal has ${MAX_VIEWERS} viewers, the most allowed.`);
      return;
    }
    send(viewer, { type: 'ready', terminalId: this.id, cols: this.#pty.cols, rows: this.#pty.rows });
    for (const piece of this.#scrollback.pieces()) viewer.send(piece);
    if (this.#exit) {
      this.#sayGoodbye(viewer);
      return;
    }
    this.#viewers.add(viewer);
    viewer.on('message', (data, isBinary) => this.#input(viewer, data as Buffer, isBinary));
    viewer.on('error', () => viewer.terminate());
    viewer.on('close', () => this.#viewers.delete(viewer));
  }

  resize(cols: number, rows: number): void {
    if (this.#exit || (cols === this.#pty.cols && rows === this.#pty.rows)) return;
    this.#pty.resize(cols, rows);
    for (const viewer of this.#viewers) send(viewer, { type: 'resize', cols, rows });
  }

  /** Ends the viewers' connections. */
  detachAll(reason: string): void {
    clearInterval(this.#hold);
    for (const viewer of this.#viewers) viewer.close(1001, reason);
  }

  #input(viewer: WebSocket, data: Buffer, isBinary: boolean): void {
    if (this.#exit) return;
    if (isBinary) {
      // Passed through as bytes; the types know text only.
      this.#pty.write(data as unknown as string);
      return;
    }
    const command = terminalCommandSchema.safeParse(parseJson(data.toString('utf8')));
    if (!command.success) {
      viewer.close(1007, 'Text frames are JSON: {"type":"input"|"resize", …}.');
    } else if (command.data.type === 'input') {
      this.#pty.write(command.data.data);
    } else {
      this.resize(command.data.cols, command.data.rows);
    }
  }

  #output(bytes: Buffer): void {
    this.#scrollback.push(bytes);
    for (const viewer of this.#viewers) viewer.send(bytes);
    if (this.#hold === undefined && this.#slowViewers().length > 0) this.#holdUp();
  }

  /** Stops reading the shell until its viewers have caught up; one that does not is sent away. */
  #holdUp(): void {
    this.#pty.pause();
    const since = performance.now();
    this.#hold = setInterval(() => {
      const slow = this.#slowViewers();
      if (slow.length > 0 && performance.now() - since < MAX_HOLD_MS) return;
      for (const viewer of slow) {
        this.#viewers.delete(viewer);
        viewer.close(1013, 'Too slow for the output; attach again.');
      }
      clearInterval(this.#hold);
      this.#hold = undefined;
      this.#pty.resume();
    }, HOLD_POLL_MS);
    this.#hold.unref();
  }

  #slowViewers(): WebSocket[] {
    return [...this.#viewers].filter((viewer) => viewer.bufferedAmount > MAX_BACKLOG_BYTES);
  }

  #sayGoodbye(viewer: WebSocket): void {
    const { exitCode = 0, signal = 0 } = this.#exit ?? {};
    send(viewer, { type: 'exit', exitCode: signal ? null : exitCode, signal: signal || null });
    viewer.close(1000, 'The shell ended.');
  }
}

function send(viewer: WebSocket, event: TerminalEvent): void {
  if (viewer.readyState === viewer.OPEN) viewer.send(JSON.stringify(event));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
