import type { Transport } from './transport.ts';
import type { CallOptions, ConnectionPage, Network, SandboxSession } from './types.ts';

/** What a sandbox may reach, and what it did reach. */
export class SandboxNetwork {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Changes what the sandbox may reach. It holds when the call returns; connections that are no longer allowed are cut.
   * @throws BanataError `SANDBOX_NOT_READY`.
   * @example
   * ```ts
   * await sandbox.network.set({ egress: { allow: ['pypi.org', '*.pythonhosted.org'] } });
   * ```
   */
  set(network: Network, options: CallOptions = {}): Promise<SandboxSession> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/network',
      json: { id: this.#id, network },
      signal: options.signal,
    });
  }

  /**
   * Connections of the sandbox and attempts at them, newest first.
   * @param options.limit Default 100, at most 500.
   * @example
   * ```ts
   * const refused = (await sandbox.network.log()).data.filter((connection) => !connection.allowed);
   * ```
   */
  log(options: CallOptions & { limit?: number; cursor?: string } = {}): Promise<ConnectionPage> {
    const { signal, ...query } = options;
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/network/log',
      query: { ...query, id: this.#id },
      signal,
    });
  }
}
