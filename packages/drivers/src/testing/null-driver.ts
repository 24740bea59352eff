import { BOX_PROTOCOL_VERSION, type BoxBrowserState, type BoxHealth } from '@banata/protocol/box';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  DriverError,
  type Box,
  type BoxFlow,
  type BoxListing,
  type BoxRequest,
  type BoxUsage,
  type SandboxDriver,
} from '../driver.ts';
import type { ServiceAddress } from '../driver.ts';

const HOST = '127.0.0.1';
const HEARTBEAT_MS = 10_000;
const BROWSER: BoxBrowserState = {
  state: 'ready',
  reason: null,
  viewport: null,
  url: null,
  title: null,
  clients: 0,
};
const MAX_CONFIG_BYTES = 1024 * 1024;

interface NullBox {
  token: string;
  sandboxId: string | null;
  startedAt: number;
}

/**
 * A driver that makes no containers, for tests and measurements of the control plane alone: a box is an entry of a
 * table, and one HTTP server on the loopback answers for all. Boxes take their configuration, answer their health, say
 * that their browser is ready and keep an empty journal; everything else answers 501 with a text that says so. Boxes end with the process.
 */
export class NullDriver implements SandboxDriver {
  readonly name = 'null';
  readonly #boxes = new Map<string, NullBox>();
  readonly #byToken = new Map<string, NullBox>();
  readonly #usages = new Map<string, BoxUsage>();
  readonly #journals = new Map<ServerResponse, NodeJS.Timeout>();
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));

  async start(): Promise<ServiceAddress> {
    if (!this.#server.listening) {
      this.#server.listen(0, HOST);
      await once(this.#server, 'listening');
    }
    const [port, dnsPort, proxyPort] = await Promise.all([freePort(), freePort(), freePort()]);
    return { host: HOST, port, dnsPort, proxyPort, egressAddress: HOST, isReachable: () => true };
  }

  create({ id }: BoxRequest, signal: AbortSignal): Promise<Box> {
    if (signal.aborted) return Promise.reject(new DriverError('ABORTED', 'The creation was broken off.'));
    if (this.#boxes.has(id)) {
      return Promise.reject(new DriverError('BOX_ID_TAKEN', `There is a box ${id} already.`));
    }
    const box = { token: randomBytes(24).toString('hex'), sandboxId: null, startedAt: Date.now() };
    this.#boxes.set(id, box);
    this.#byToken.set(box.token, box);
    return Promise.resolve(this.#describe(id, box));
  }

  get(id: string): Promise<Box | undefined> {
    const box = this.#boxes.get(id);
    return Promise.resolve(box && this.#describe(id, box));
  }

  list(): Promise<BoxListing[]> {
    return Promise.resolve([...this.#boxes.keys()].map((id) => ({ id, state: 'running' })));
  }

  /** Sets what {@link usage} answers for a box. */
  setUsage(id: string, usage: BoxUsage): void {
    this.#usages.set(id, usage);
  }

  usage(ids: readonly string[]): Promise<Map<string, BoxUsage>> {
    const known = ids.flatMap((id) => {
      const usage = this.#boxes.has(id) ? this.#usages.get(id) : undefined;
      return usage ? [[id, usage] as const] : [];
    });
    return Promise.resolve(new Map(known));
  }

  /** Its boxes send nothing, so there is nothing to hold back. */
  setNetwork(id: string): Promise<void> {
    if (this.#boxes.has(id)) return Promise.resolve();
    return Promise.reject(new DriverError('DRIVER_FAILURE', `There is no box ${id}.`));
  }

  flows(): Promise<BoxFlow[]> {
    return Promise.resolve([]);
  }

  destroy(id: string): Promise<void> {
    this.#usages.delete(id);
    const box = this.#boxes.get(id);
    if (box) this.#byToken.delete(box.token);
    this.#boxes.delete(id);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    for (const timer of this.#journals.values()) clearInterval(timer);
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  purge(): Promise<void> {
    this.#boxes.clear();
    this.#byToken.clear();
    return this.close();
  }

  #describe(id: string, { token }: NullBox): Box {
    const { port } = this.#server.address() as AddressInfo;
    return { id, endpoint: { host: HOST, port, token }, address: HOST, isolation: 'container', timings: {} };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    const box = this.#byToken.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
    const { pathname } = new URL(request.url ?? '/', `http://${HOST}`);
    if (!box)
      return reply(response, 401, { error: 'There is no box with this token.', code: 'UNAUTHORIZED' });
    try {
      if (request.method === 'PUT' && pathname === '/config') {
        const { sandboxId } = JSON.parse(await readText(request)) as { sandboxId: string };
        box.sandboxId = sandboxId;
        reply(response, 200, health(box));
      } else if (pathname === '/health') {
        reply(response, 200, health(box));
      } else if (pathname === '/browser') {
        reply(response, 200, BROWSER);
      } else if (pathname === '/events') {
        this.#openJournal(response);
      } else {
        reply(response, 501, {
          error: `A box of the null driver runs nothing, so it cannot answer ${pathname}.`,
          code: 'NOT_SUPPORTED',
        });
      }
    } catch (error) {
      reply(response, 400, { error: (error as Error).message, code: 'INVALID_REQUEST' });
    }
  }

  #openJournal(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': connected\n\n');
    const timer = setInterval(() => response.write(': heartbeat\n\n'), HEARTBEAT_MS);
    this.#journals.set(response, timer);
    response.on('close', () => {
      clearInterval(timer);
      this.#journals.delete(response);
    });
  }
}

function health({ sandboxId, startedAt }: NullBox): BoxHealth {
  return {
    ok: true,
    protocolVersion: BOX_PROTOCOL_VERSION,
    sandboxId,
    uptimeMs: Date.now() - startedAt,
  };
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_CONFIG_BYTES) throw new Error('The configuration is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, HOST);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
}
