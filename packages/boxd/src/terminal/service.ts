import { terminalSizeSchema } from '@banata/protocol/box';
import { spawn } from '@lydell/node-pty';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { keepAlive, WebSocketAcceptor } from '../browser/web-socket.ts';
import { killTree } from '../exec/kill-tree.ts';
import { refuseUpgrade } from '../http/refuse-upgrade.ts';
import { BoxError, type BoxRoute, type BoxUpgrade } from '../http/route.ts';
import type { Account, BoxEnvironment, BoxLogger } from '../services.ts';
import { TerminalSession } from './terminal-session.ts';

const MAX_SESSIONS = 16;
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** How long a session whose shell has ended can still be looked at. */
const KEEP_EXITED_MS = 60_000;
const MARKER = 'BANATA_TERMINAL_ID';

export interface TerminalDependencies {
  environment: BoxEnvironment;
  commandEnv: (account: Account) => Record<string, string>;
  logger: BoxLogger;
}

/** Shells on pseudo-terminals: `/terminal` (WebSocket) and `/terminal/sessions`. */
export class TerminalService {
  readonly routes: BoxRoute[];
  readonly upgrades: BoxUpgrade[];
  readonly #deps: TerminalDependencies;
  readonly #sessions = new Map<string, TerminalSession>();
  readonly #acceptor = new WebSocketAcceptor({ maxPayload: MAX_MESSAGE_BYTES });
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(deps: TerminalDependencies) {
    this.#deps = deps;
    this.upgrades = [{ path: '/terminal', handle: (...call) => this.#open(...call) }];
    this.routes = [
      {
        method: 'GET',
        path: '/terminal/sessions',
        handle: () => Promise.resolve({ terminals: [...this.#sessions.values()].map((one) => one.view()) }),
      },
      {
        method: 'DELETE',
        path: '/terminal/sessions/{id}',
        handle: async ({ params }) => {
          await this.#end(this.#find(params['id'] ?? ''));
          return { ok: true };
        },
      },
    ];
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([...this.#sessions.values()].map((session) => this.#end(session)));
  }

  #find(id: string): TerminalSession {
    const session = this.#sessions.get(id);
    if (!session) throw new BoxError(404, 'TERMINAL_NOT_FOUND', `There is no terminal ${id} (any more)`);
    return session;
  }

  #open(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      const query = new URL(request.url ?? '/', 'http://box').searchParams;
      const wanted = query.get('terminalId');
      const size = terminalSizeSchema.safeParse({
        cols: query.get('cols') ?? undefined,
        rows: query.get('rows') ?? undefined,
      });
      if (!size.success) throw new BoxError(400, 'INVALID_FIELD', 'cols is 2 to 1000, rows is 1 to 1000');
      const session = wanted === null ? this.#create(size.data) : this.#find(wanted);
      if (wanted !== null && query.has('cols')) session.resize(size.data.cols, size.data.rows);
      this.#acceptor.accept(request, socket, head, (viewer) => {
        keepAlive(viewer);
        session.attach(viewer);
      });
    } catch (error) {
      const known =
        error instanceof BoxError
          ? error
          : new BoxError(503, 'BOX_EXHAUSTED', 'The shell could not be started');
      if (known !== error) this.#deps.logger.error('terminal.failed', { error });
      refuseUpgrade(socket, known.status, known.code, known.message);
    }
  }

  #create({ cols, rows }: { cols: number; rows: number }): TerminalSession {
    if (this.#sessions.size >= MAX_SESSIONS)
      throw new BoxError(429, 'TOO_MANY_TERMINALS', `${MAX_SESSIONS} terminals are open already; close one`);
    const { environment, commandEnv } = this.#deps;
    const { user } = environment.accounts;
    const id = randomBytes(12).toString('hex');
    const pty = spawn('/bin/bash', ['-il'], {
      name: 'xterm-256color',
      cols,
      rows,
      cwd: environment.workspace,
      env: { ...commandEnv(user), TERM: 'xterm-256color', COLORTERM: 'truecolor', [MARKER]: id },
      uid: user.uid,
      gid: user.gid,
      encoding: null,
    });
    const session = new TerminalSession(id, pty, () => this.#forgetLater(id));
    this.#sessions.set(id, session);
    return session;
  }

  #forgetLater(id: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#sessions.delete(id);
    }, KEEP_EXITED_MS);
    timer.unref();
    this.#timers.add(timer);
  }

  async #end(session: TerminalSession): Promise<void> {
    this.#sessions.delete(session.id);
    const { user } = this.#deps.environment.accounts;
    if (!session.view().exited)
      await killTree({
        root: session.pid,
        marker: { name: MARKER, value: session.id },
        accounts: [user],
        graceMs: 0,
      });
    session.detachAll('The terminal was closed.');
  }
}
