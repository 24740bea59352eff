import { chmodSync, chownSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { serveSudo, type SudoSessionDeps } from './sudo-session.ts';

/** Calls of sudo at the same time; each holds two processes. */
const MAX_SESSIONS = 64;
const CLOSE_LIMIT_MS = 3000;

/** Listens at `sudo.sock` in the run directory, to which only `user` and root can connect, and serves calls of sudo. */
export class SudoServer {
  readonly #deps: SudoSessionDeps;
  readonly #server: Server;
  readonly #sessions = new Map<Socket, Promise<void>>();

  constructor(deps: SudoSessionDeps) {
    this.#deps = deps;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_SESSIONS;
  }

  async start(): Promise<void> {
    const { runDir, accounts } = this.#deps.environment;
    const path = join(runDir, 'sudo.sock');
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path, backlog: MAX_SESSIONS }, resolve);
    });
    this.#server.on('error', (error) => this.#deps.logger.error('sudo.server_failed', { error }));
    chownSync(path, accounts.root.uid, accounts.user.gid);
    chmodSync(path, 0o660);
  }

  /** Takes no more calls and ends those under way. */
  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sessions.keys()) socket.destroy();
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, CLOSE_LIMIT_MS);
    await Promise.race([Promise.all(this.#sessions.values()), limit.promise]);
    clearTimeout(timer);
  }

  #accept(socket: Socket): void {
    const session = serveSudo(socket, this.#deps);
    this.#sessions.set(socket, session);
    void session.finally(() => this.#sessions.delete(socket));
  }
}
