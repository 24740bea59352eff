import { BanataError } from './error.ts';
import type { Transport } from './transport.ts';
import type { CallOptions, TerminalInfo } from './types.ts';

const OPEN_LIMIT_MS = 30_000;

/** Options of {@link openTerminal}. */
export interface TerminalOptions extends CallOptions {
  /** Attaches to this session; without, a new one begins. */
  terminalId?: string;
  /** Default 80. */
  cols?: number;
  /** Default 24. */
  rows?: number;
  /** Output as it comes; the scrollback first. */
  onData?: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Another `WebSocket`, for runtimes without a global one (Node before 22). */
  WebSocket?: typeof WebSocket;
}

/** How a terminal ended for this viewer. */
export interface TerminalEnd {
  /** True when the shell ended; false when only the connection did. */
  exited: boolean;
  /** Null when a signal ended the shell, and when it goes on. */
  exitCode: number | null;
}

/** A viewer of a terminal session. The session goes on when the viewer leaves. */
export class Terminal {
  /** Give it as `terminalId` to attach again. */
  readonly id: string;
  /** Resolves when the shell ends or the connection closes. */
  readonly ended: Promise<TerminalEnd>;
  readonly #socket: WebSocket;

  /** @internal From {@link openTerminal}. */
  constructor(socket: WebSocket, id: string) {
    this.#socket = socket;
    this.id = id;
    let end: TerminalEnd = { exited: false, exitCode: null };
    socket.addEventListener('message', ({ data }) => {
      if (typeof data !== 'string') return;
      const event = JSON.parse(data) as { type: string; exitCode?: number | null };
      if (event.type === 'exit') end = { exited: true, exitCode: event.exitCode ?? null };
    });
    this.ended = new Promise((resolve) => socket.addEventListener('close', () => resolve(end)));
  }

  /** Types into the terminal. */
  write(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(typeof data === 'string' ? new TextEncoder().encode(data) : data);
  }

  /** Gives the terminal the size of its viewer, characters. */
  resize(cols: number, rows: number): void {
    this.#socket.send(JSON.stringify({ type: 'resize', cols, rows }));
  }

  /** Leaves; the session goes on. */
  detach(): void {
    this.#socket.close(1000);
  }
}

/** Opens or attaches to a terminal of a sandbox. */
export async function openTerminal(
  transport: Transport,
  id: string,
  options: TerminalOptions,
): Promise<Terminal> {
  const { terminalId, cols, rows, signal } = options;
  const Socket = options.WebSocket ?? globalThis.WebSocket;
  if ((Socket as unknown) === undefined)
    throw new BanataError({
      status: 0,
      code: 'INVALID_ARGUMENT',
      message: 'This runtime has no WebSocket',
      suggestion: 'Use Node 22 or newer, or give the option WebSocket.',
    });
  const link = await transport.json<{ url: string }>({
    method: 'POST',
    path: '/v1/sandboxes/terminal',
    json: { id, terminalId },
    safety: 'idempotent',
    signal,
  });
  // The server's own address may be another than the one this client reaches it by.
  const url = new URL(transport.baseUrl.replace(/^http/, 'ws') + new URL(link.url).pathname);
  url.search = new URL(link.url).search;
  for (const [name, value] of Object.entries({ cols, rows })) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const socket = new Socket(url);
  socket.binaryType = 'arraybuffer';
  return new Terminal(socket, await ready(socket, options));
}

/** Resolves with the session's id. */
function ready(socket: WebSocket, { onData, signal }: TerminalOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      socket.close();
      reject(error);
    };
    const timer = setTimeout(() => fail(failure('did not open in time')), OPEN_LIMIT_MS);
    signal?.addEventListener('abort', () => fail(signal.reason), { once: true });
    socket.addEventListener('error', () => fail(failure('was refused')));
    socket.addEventListener('close', () => fail(failure('was closed')));
    socket.addEventListener('message', ({ data }) => {
      if (typeof data !== 'string') return onData?.(new Uint8Array(data as ArrayBuffer));
      const event = JSON.parse(data) as { type: string; terminalId: string };
      if (event.type !== 'ready') return undefined;
      clearTimeout(timer);
      return resolve(event.terminalId);
    });
  });
}

function failure(what: string): BanataError {
  return new BanataError({
    status: 0,
    code: 'NETWORK_ERROR',
    message: `The terminal ${what}`,
    suggestion: 'Check that the sandbox is ready and that the session exists (listTerminals).',
  });
}

/** Terminal sessions of a sandbox, with and without viewers. */
export async function listTerminals(
  transport: Transport,
  id: string,
  options: CallOptions,
): Promise<TerminalInfo[]> {
  const path = '/v1/sandboxes/terminals';
  const { terminals } = await transport.json<{ terminals: TerminalInfo[] }>({
    method: 'GET',
    path,
    query: { id },
    signal: options.signal,
  });
  return terminals;
}
