import type { Transport } from './transport.ts';
import type { CallOptions, PortPreview } from './types.ts';

/** Servers in the sandbox under addresses of their own. */
export class SandboxPorts {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Gives a port of the sandbox a URL that takes HTTP and WebSockets, also where the program listens on its loopback
   * only. Calling it again for the same port changes the end and keeps the address.
   * @param options.ttlMs How long it is good, ms. Default 3,600,000 (an hour), at most 86,400,000.
   * @param options.public Anyone who knows the address may use it. Default false: only with the URL's token.
   * @throws BanataError `SANDBOX_NOT_READY`, `PORT_NOT_ALLOWED`, `CONFLICT` (32 ports are the most).
   * @example
   * ```ts
   * await sandbox.exec('nohup python3 -m http.server 8000 >/dev/null 2>&1 &');
   * const { url } = await sandbox.ports.expose(8000);
   * ```
   */
  expose(
    port: number,
    options: CallOptions & { ttlMs?: number; public?: boolean } = {},
  ): Promise<PortPreview> {
    const { signal, ...body } = options;
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/ports',
      json: { ...body, id: this.#id, port },
      safety: 'idempotent',
      signal,
    });
  }

  /**
   * Previews of the sandbox that have not expired.
   * @example
   * ```ts
   * for (const { port, url } of await sandbox.ports.list()) console.log(port, url);
   * ```
   */
  async list(options: CallOptions = {}): Promise<PortPreview[]> {
    const { data } = await this.#transport.json<{ data: PortPreview[] }>({
      method: 'GET',
      path: '/v1/sandboxes/ports',
      query: { id: this.#id },
      signal: options.signal,
    });
    return data;
  }

  /**
   * Takes the address back at once; open connections end, and the address never comes back.
   * @returns false when the port had no preview.
   * @example
   * ```ts
   * await sandbox.ports.revoke(8000);
   * ```
   */
  async revoke(port: number, options: CallOptions = {}): Promise<boolean> {
    const { revoked } = await this.#transport.json<{ revoked: boolean }>({
      method: 'DELETE',
      path: '/v1/sandboxes/ports',
      query: { id: this.#id, port },
      signal: options.signal,
    });
    return revoked;
  }
}
