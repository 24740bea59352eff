import { ApiError } from '@banata/protocol';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Boxes } from '../../boxes/boxes.ts';
import type { Logger } from '../../logger.ts';
import type { ActivityService } from '../../services/activity.ts';
import { toApiError } from '../../services/failures.ts';
import type { PortService } from '../../services/ports.ts';
import type { ReachablePreview } from '../../stores/port-store.ts';
import { authorize, type Admission } from './authorize.ts';
import { connectBoxPort } from './box-port.ts';
import { errorPage } from './error-page.ts';
import { forward, forwardUpgrade } from './forward.ts';
import { withoutToken, type Passage } from './headers.ts';
import type { OpenConnections } from './open-connections.ts';
import { previewLabel } from './preview-host.ts';

export interface PreviewGatewayDeps {
  ports: PortService;
  connections: OpenConnections;
  boxes: Boxes;
  activity: ActivityService;
  publicUrl: () => string;
  previewHost: string;
  logger: Logger;
  now: () => number;
}

/** A request that was let in. */
interface Entry {
  preview: ReachablePreview;
  passage: Passage;
  path: string;
  admission: Admission;
}

/** Serves the hosts of port previews: whatever comes to them goes to a program in a sandbox, or gets an error page. */
export class PreviewGateway {
  readonly #deps: PreviewGatewayDeps;

  constructor(deps: PreviewGatewayDeps) {
    this.#deps = deps;
  }

  /** The label a request is for, or undefined when it is for the API. */
  labelOf({ headers }: IncomingMessage): string | undefined {
    const { previewHost, publicUrl } = this.#deps;
    return previewLabel(headers.host, { previewHost, apiHost: new URL(publicUrl()).hostname });
  }

  async handle(request: IncomingMessage, response: ServerResponse, label: string): Promise<void> {
    try {
      const entry = await this.#enter(request, label);
      const { admission, passage, path } = entry;
      if (admission.cookie !== undefined && isNavigation(request)) {
        // Absolute: a path such as "//elsewhere" would lead to another host.
        response.writeHead(302, {
          ...OWN_HEADERS,
          location: passage.origin + path,
          'set-cookie': admission.cookie,
        });
        response.end();
        return;
      }
      await this.#pass(
        entry,
        (tunnelTo) => forward({ request, response, ...entry, ...tunnelTo }),
        () => response.destroy(),
      );
    } catch (error) {
      this.#answerError(request, response, error);
    }
  }

  /** Takes a WebSocket; owns the socket. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, label: string): Promise<void> {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      throw new ApiError('INVALID_REQUEST', 'A preview takes HTTP and WebSockets only.');
    }
    const entry = await this.#enter(request, label);
    const touch = (): void => this.#deps.activity.touch(entry.preview.sandbox_id);
    await this.#pass(
      entry,
      (tunnelTo) => forwardUpgrade({ request, socket, head, onClientData: touch, ...entry, ...tunnelTo }),
      () => socket.destroy(),
    );
  }

  /** Ends what is open on previews that have expired, were revoked by another server, or lost their sandbox. */
  async sweep(): Promise<void> {
    const { connections, ports } = this.#deps;
    const labels = connections.labels();
    const good = await ports.stillGood(labels);
    for (const label of labels.filter((one) => !good.has(one))) connections.end(label);
  }

  async #enter(request: IncomingMessage, label: string): Promise<Entry> {
    const { ports, now } = this.#deps;
    const path = request.url ?? '';
    if (label === '') throw new ApiError('PREVIEW_NOT_FOUND');
    if (!path.startsWith('/')) throw new ApiError('INVALID_REQUEST', 'The request path must begin with "/".');
    const preview = await ports.find(label);
    const origin = ports.originOf(label);
    const accepts = (token: string): boolean => ports.accepts(preview, token);
    const admission = authorize(request, { preview, origin, accepts, now: now() });
    const clientAddress = request.socket.remoteAddress ?? '';
    return {
      preview,
      admission,
      path: withoutToken(path),
      passage: { port: preview.port, origin, clientAddress },
    };
  }

  async #pass(
    { preview }: Entry,
    work: (to: { tunnel: Awaited<ReturnType<typeof connectBoxPort>> }) => Promise<void>,
    endClient: () => void,
  ): Promise<void> {
    const { boxes, activity, connections } = this.#deps;
    let endTunnel = (): void => undefined;
    const release = connections.add(preview.label, () => {
      endTunnel();
      endClient();
    });
    activity.touch(preview.sandbox_id);
    try {
      const tunnel = await connectBoxPort(await boxes.endpointOf(preview), preview.port);
      endTunnel = () => tunnel.destroy();
      try {
        await work({ tunnel });
      } finally {
        tunnel.destroy();
      }
    } finally {
      release();
      activity.touch(preview.sandbox_id);
    }
  }

  #answerError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const known = this.known(error);
    const wantsPage = request.headers.accept?.includes('text/html') ?? false;
    const body = wantsPage ? errorPage(known) : JSON.stringify(known.toBody());
    response.writeHead(known.status, STATUS_CODES[known.status] ?? 'Error', {
      ...OWN_HEADERS,
      'content-type': wantsPage ? 'text/html; charset=utf-8' : 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  }

  /** The error as clients see it; what is unexpected goes to the log. */
  known(error: unknown): ApiError {
    const known = toApiError(error);
    if (known.code === 'INTERNAL')
      this.#deps.logger.error({ event: 'preview.error', err: error }, 'unexpected error of a preview');
    return known;
  }
}

/** On replies that are the gateway's own. */
const OWN_HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
};

function isNavigation({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && (headers.accept?.includes('text/html') ?? false);
}
