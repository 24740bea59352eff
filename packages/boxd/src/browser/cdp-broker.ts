import type { Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { BoxError } from '../http/route.ts';
import { CdpPipe } from './cdp-pipe.ts';
import type { CdpClientKind, CdpEventPolicy, CdpPolicy, CdpRefusal, CdpRewrite } from './cdp-policy.ts';
import { CdpRouter } from './cdp-router.ts';
import type { CdpAction } from './cdp-router.ts';
import { keepAlive } from './web-socket.ts';

const MAX_CLIENTS = 64;
/** A client that lets this much pile up is closed: the browser's events cannot wait for it. */
const MAX_CLIENT_BACKLOG_BYTES = 64 * 1024 * 1024;
/** From this much untaken input on, the client that sends it is not read. */
const MAX_BROWSER_BACKLOG_BYTES = 16 * 1024 * 1024;
const RESUME_AFTER_MS = 5_000;
const CALL_TIMEOUT_MS = 15_000;

export interface OwnEvent {
  method: string;
  params: unknown;
  sessionId: string | undefined;
}

interface OwnCall {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export interface CdpBrokerOptions {
  /** Chromium's end for commands (its file descriptor 3). */
  input: Writable;
  /** Chromium's end for replies and events (its file descriptor 4). */
  output: Readable;
  policy: CdpPolicy;
  eventPolicy?: CdpEventPolicy;
  rewrite?: CdpRewrite;
  /** What the agent's clients are sent in place of a message. Default: the message. */
  maskAgent?: (text: string) => string;
  onEvent(event: OwnEvent): void;
  /** Called once, when the pipe ended or {@link CdpBroker.close} was called. */
  onEnd(reason: string): void;
}

/** One Chromium's debugging pipe, shared by WebSocket clients and the daemon's own calls. */
export class CdpBroker {
  readonly #router: CdpRouter;
  readonly #pipe: CdpPipe;
  readonly #options: CdpBrokerOptions;
  readonly #clients = new Map<number, WebSocket>();
  /** Those of the clients that came from outside the box. */
  readonly #outside = new Set<number>();
  readonly #calls = new Map<number, OwnCall>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #ended = new AbortController();

  constructor(options: CdpBrokerOptions) {
    this.#options = options;
    this.#router = new CdpRouter(options.policy, options.eventPolicy, options.rewrite);
    this.#pipe = new CdpPipe(
      options.input,
      options.output,
      (text) => this.#do(this.#router.fromBrowser(text)),
      (reason) => this.close(reason),
    );
  }

  /** Aborted when the pipe has ended. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** How many clients there are from outside the box. */
  get outsideClients(): number {
    return this.#outside.size;
  }

  /**
   * A CDP call of the daemon's own.
   * @throws BoxError 504 when the browser does not answer in time, 502 with the browser's own error text.
   */
  call(
    method: string,
    params: Record<string, unknown> = {},
    options: { sessionId?: string; timeoutMs?: number } = {},
  ): Promise<unknown> {
    if (this.signal.aborted) return Promise.reject(browserGone(method));
    const { id, actions } = this.#router.call(method, params, options.sessionId);
    const timeoutMs = options.timeoutMs ?? CALL_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const timer = this.#later(timeoutMs, () => {
        this.#calls.delete(id);
        reject(
          new BoxError(504, 'BROWSER_TIMEOUT', `The browser did not answer ${method} in ${timeoutMs} ms.`),
        );
      });
      const settle = (): void => {
        this.#cancel(timer);
        this.#calls.delete(id);
      };
      this.#calls.set(id, {
        resolve: (result) => (settle(), resolve(result)),
        reject: (error) => (settle(), reject(error)),
      });
      this.#do(actions);
    });
  }

  /** Why the agent may not do this now; undefined when it may. For what the daemon does in its place. */
  refusal(method: string, params: Record<string, unknown>): CdpRefusal | undefined {
    return this.#options.policy('agent', method, params);
  }

  /** Takes a client in; its session starts at once. With `targetId` the client speaks to that page alone. */
  connect(socket: WebSocket, kind: CdpClientKind, targetId?: string): void {
    if (this.signal.aborted) return socket.close(1012, 'The browser is restarting.');
    if (this.#clients.size >= MAX_CLIENTS) {
      return socket.close(
        1013,
        `The browser has ${MAX_CLIENTS} CDP clients, the most allowed; close one first.`,
      );
    }
    // Nothing is read before the client's session is there to send it with.
    socket.pause();
    const { client, actions } = this.#router.open(kind, targetId);
    this.#clients.set(client, socket);
    if (kind === 'client') this.#outside.add(client);
    socket.on('message', (data, isBinary) => {
      if (isBinary) return socket.close(1003, 'CDP messages are text.');
      this.#do(this.#router.fromClient(client, (data as Buffer).toString('utf8')));
      if (this.#pipe.backlog > MAX_BROWSER_BACKLOG_BYTES) {
        socket.pause();
        this.#pipe.whenDrained(() => socket.resume());
      }
    });
    socket.on('close', () => this.#drop(client));
    socket.on('error', () => socket.terminate());
    keepAlive(socket);
    this.#do(actions);
  }

  /** Ends the calls under way that the policy has come to refuse. */
  refusePending(): void {
    this.#do(this.#router.refusePending());
  }

  /** Lets clients begin anew in the pages in which their scripts were refused. */
  renewContexts(): void {
    this.#do(this.#router.renewContexts());
  }

  /** Closes every client and rejects the calls under way. */
  close(reason: string): void {
    if (this.signal.aborted) return;
    this.#ended.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const [client, socket] of this.#clients) {
      this.#router.close(client);
      closeSocket(socket, 1012, 'The browser ended; connect again.');
    }
    this.#clients.clear();
    this.#outside.clear();
    for (const call of this.#calls.values()) call.reject(browserGone('The call'));
    this.#calls.clear();
    this.#options.onEnd(reason);
  }

  #drop(client: number): void {
    this.#outside.delete(client);
    if (!this.#clients.delete(client)) return;
    this.#do(this.#router.close(client));
  }

  #do(actions: CdpAction[]): void {
    for (const action of actions) this.#act(action);
  }

  #act(action: CdpAction): void {
    switch (action.type) {
      case 'to-browser':
        return this.#pipe.send(action.text);
      case 'to-client':
        return this.#send(action.client, this.#shown(action.client, action.text));
      case 'attached':
        return this.#clients.get(action.client)?.resume();
      case 'close-client': {
        const socket = this.#clients.get(action.client);
        this.#drop(action.client);
        if (socket) closeSocket(socket, 1000, action.reason);
        return;
      }
      case 'resume-later':
        this.#later(RESUME_AFTER_MS, () => this.#do(this.#router.resume(action.sessionId)));
        return;
      case 'own-reply': {
        const call = this.#calls.get(action.id);
        if (action.error === undefined) call?.resolve(action.result);
        else call?.reject(new BoxError(502, 'BROWSER_ERROR', action.error));
        return;
      }
      case 'own-event':
        this.#options.onEvent(action);
    }
  }

  #shown(client: number, text: string): string {
    return this.#outside.has(client) ? text : (this.#options.maskAgent?.(text) ?? text);
  }

  #send(client: number, text: string): void {
    const socket = this.#clients.get(client);
    if (!socket) return;
    socket.send(text);
    if (socket.bufferedAmount <= MAX_CLIENT_BACKLOG_BYTES) return;
    this.#drop(client);
    socket.terminate();
  }

  #later(ms: number, run: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}

function closeSocket(socket: WebSocket, code: number, reason: string): void {
  // A paused socket would never read the answering close frame.
  socket.resume();
  // A close frame carries at most 123 bytes of reason (RFC 6455, 5.5).
  socket.close(code, Buffer.from(reason).subarray(0, 120).toString('utf8').replaceAll('\uFFFD', ''));
}

function browserGone(what: string): BoxError {
  return new BoxError(
    503,
    'BROWSER_RESTARTING',
    `${what} was not answered: the browser ended. Try again in a second.`,
  );
}
