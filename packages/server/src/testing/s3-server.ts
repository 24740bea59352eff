import { startFauxqs, type FauxqsServer } from 'fauxqs';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leftoversOf } from './leftovers.ts';
import { checkS3Signature, type S3Key } from './s3-signature.ts';

const PREFIX = 'banata-test-s3-';
export const S3_KEY: S3Key = { accessKeyId: 'test-key', secretAccessKey: 'test-secret/with+signs' };
export const S3_BUCKET = 'test-bucket';

/**
 * An S3 server on loopback for tests: fauxqs behind a gate that checks every signature, which fauxqs does not, and that
 * can go down and come back.
 */
export class S3Server implements AsyncDisposable {
  /** `METHOD status` of every request, oldest first. */
  readonly requests: string[] = [];
  /** Once this many bytes of bodies were taken in, the gate breaks off and goes down. */
  breakAfterBytes = Number.POSITIVE_INFINITY;
  readonly #store: FauxqsServer;
  readonly #folder: string;
  readonly #sockets = new Set<Socket>();
  #gate = this.#createGate();
  #port: number;

  private constructor(store: FauxqsServer, folder: string, port: number) {
    this.#store = store;
    this.#folder = folder;
    this.#port = port;
  }

  /** @param options.folder with what an earlier one kept there. Default: a new one. */
  static async start(options: { folder?: string; port?: number } = {}): Promise<S3Server> {
    for (const left of await leftoversOf(tmpdir(), PREFIX)) await rm(left, { recursive: true, force: true });
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`)));
    const store = await startFauxqs({
      port: 0,
      logger: false,
      host: '127.0.0.1',
      dataDir: join(folder, 'state'),
      s3StorageDir: join(folder, 'objects'),
    });
    store.createBucket(S3_BUCKET);
    const server = new S3Server(store, folder, options.port ?? 0);
    await server.up();
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Settings of a server that keeps its objects here. */
  get env(): Record<string, string> {
    return {
      BANATA_S3_ENDPOINT: this.endpoint,
      BANATA_S3_BUCKET: S3_BUCKET,
      BANATA_S3_ACCESS_KEY_ID: S3_KEY.accessKeyId,
      BANATA_S3_SECRET_ACCESS_KEY: S3_KEY.secretAccessKey,
    };
  }

  /** Breaks all connections and refuses new ones. */
  async down(): Promise<void> {
    if (!this.#gate.listening) return;
    const closed = new Promise((resolve) => this.#gate.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async up(): Promise<void> {
    this.breakAfterBytes = Number.POSITIVE_INFINITY;
    if (this.#gate.listening) return;
    this.#gate = this.#createGate();
    this.#gate.listen(this.#port, '127.0.0.1');
    await once(this.#gate, 'listening');
    this.#port = (this.#gate.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await this.#store.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #createGate() {
    return createServer((request, response) => {
      this.#pass(request, response).catch(() => response.destroy());
    }).on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await this.#read(request);
    const refusal = checkS3Signature(request, S3_KEY, Date.now()) ?? wrongBody(request, body);
    response.once('finish', () => this.requests.push(`${request.method} ${response.statusCode}`));
    if (refusal !== undefined) {
      response.writeHead(403, { 'content-type': 'application/xml' });
      response.end(`<?xml version="1.0"?><Error><Code>${refusal}</Code><Message>no</Message></Error>`);
      return;
    }
    const onward = httpRequest({
      host: '127.0.0.1',
      port: this.#store.port,
      method: request.method,
      path: request.url,
      headers: { ...request.headers, host: `127.0.0.1:${this.#store.port}` },
    });
    onward.end(body);
    const [reply] = (await once(onward, 'response')) as [IncomingMessage];
    response.writeHead(reply.statusCode ?? 502, { ...reply.headers, ...overrides(request) });
    reply.pipe(response);
    await once(reply, 'close');
  }

  async #read(request: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      this.breakAfterBytes -= chunk.length;
      if (this.breakAfterBytes <= 0) {
        await this.down();
        throw new Error('broken off');
      }
    }
    return Buffer.concat(chunks);
  }
}

/** Headers that a signed GET asks for, which fauxqs leaves out ("GetObject", "Overriding response header values"). */
function overrides({ method, url }: IncomingMessage): Record<string, string> {
  if (method !== 'GET') return {};
  const query = new URL(url ?? '/', 'http://s3').searchParams;
  return Object.fromEntries(
    [...query]
      .filter(([name]) => name.startsWith('response-'))
      .map(([name, value]) => [name.slice('response-'.length), value]),
  );
}

/** S3's error code where the body is not the one that was signed. */
function wrongBody({ headers }: IncomingMessage, body: Buffer): string | undefined {
  const signed = headers['x-amz-content-sha256'];
  if (typeof signed !== 'string' || !/^[0-9a-f]{64}$/.test(signed)) return undefined;
  const found = createHash('sha256').update(body).digest('hex');
  return found === signed ? undefined : 'XAmzContentSHA256Mismatch';
}
