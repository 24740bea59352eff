import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  type BoxHandoffWish,
  type BoxPublish,
  type BoxPublishOutcome,
  boxHandoffWishSchema,
  boxPublishSchema,
} from '@banata/protocol/box';
import type { z } from 'zod';
import type { Account, BoxLogger } from '../../services.ts';
import { type SubmittedReport, submittedReportSchema } from './report-keeper.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const REQUESTS_PER_MINUTE = 30;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 16;

export interface ReportSocketOptions {
  path: string;
  /** Whose commands may connect. */
  account: Account;
  logger: BoxLogger;
  /** Takes a report; resolves to the task it belongs to. */
  submit: (report: SubmittedReport) => Promise<string | null>;
  /** Records a request for a person; resolves to the task that waits for it. */
  handoff: (wish: BoxHandoffWish) => Promise<string | null>;
  /** Has the server keep a file or folder; the signal aborts when the caller goes away. */
  publish: (wanted: BoxPublish, signal: AbortSignal) => Promise<BoxPublishOutcome>;
}

/** A reply of the socket; `error` says what the caller can do. */
interface Reply {
  status: number;
  body: { ok: true; taskId: string | null } | { ok: true; key: string; size: number } | { error: string };
}

function refuse(status: number, error: string): Reply {
  return { status, body: { error } };
}

/**
 * Small HTTP server on a unix socket, through which `banata-complete-task` hands in reports (`POST /report`),
 * `banata-publish-artifact` has artifacts kept (`POST /publish`) and `banata-request-handoff` asks for a person
 * (`POST /handoff`).
 */
export class ReportSocket {
  readonly #options: ReportSocketOptions;
  #server: Server | null = null;
  #recent: number[] = [];

  constructor(options: ReportSocketOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { path, account, logger } = this.#options;
    // Left behind by a daemon that was killed.
    await rm(path, { force: true });
    const server = createServer((request, response) => {
      this.#handle(request, response)
        .catch((error: unknown) => {
          logger.error('agent.report', { error });
          return refuse(500, 'it could not be done; try again');
        })
        .then((reply) => send(response, reply))
        .catch((error: unknown) => logger.warn('agent.report.reply', { error }));
    });
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    server.headersTimeout = REQUEST_TIMEOUT_MS;
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    this.#server = server;
    await chown(path, process.getuid?.() ?? 0, account.gid);
    await chmod(path, 0o660);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<Reply> {
    const { method, url } = request;
    if (method !== 'POST' || (url !== '/report' && url !== '/publish' && url !== '/handoff'))
      return refuse(404, 'only POST /report, POST /publish and POST /handoff are offered');
    const now = Date.now();
    this.#recent = this.#recent.filter((at) => now - at < 60_000);
    if (this.#recent.length >= REQUESTS_PER_MINUTE) {
      return refuse(429, `more than ${REQUESTS_PER_MINUTE} requests in a minute; wait a little`);
    }
    const text = await readBody(request);
    if (text === null) return refuse(413, `it may have at most ${MAX_BODY_BYTES} bytes; shorten --report`);
    if (url === '/handoff') return this.#handoff(text, now);
    return url === '/report' ? this.#report(text, now) : this.#publish(text, now, response);
  }

  async #report(text: string, now: number): Promise<Reply> {
    const parsed = submittedReportSchema.safeParse(parseJson(text));
    if (!parsed.success) return invalid('the report', parsed.error);
    this.#recent.push(now);
    return { status: 200, body: { ok: true, taskId: await this.#options.submit(parsed.data) } };
  }

  async #handoff(text: string, now: number): Promise<Reply> {
    const parsed = boxHandoffWishSchema.safeParse(parseJson(text));
    if (!parsed.success) return invalid('the request', parsed.error);
    this.#recent.push(now);
    return { status: 200, body: { ok: true, taskId: await this.#options.handoff(parsed.data) } };
  }

  async #publish(text: string, now: number, response: ServerResponse): Promise<Reply> {
    const parsed = boxPublishSchema.safeParse(parseJson(text));
    if (!parsed.success) return invalid('the request', parsed.error);
    this.#recent.push(now);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const outcome = await this.#options.publish(parsed.data, gone.signal);
    return outcome.ok ? { status: 200, body: outcome } : refuse(422, outcome.error);
  }
}

function invalid(what: string, { issues: [issue] }: z.ZodError): Reply {
  return refuse(400, `${what} is not valid: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    // The rest is read and dropped, so that the caller gets to read the answer.
    if (size <= MAX_BODY_BYTES) chunks.push(bytes);
    else if (size > 4 * MAX_BODY_BYTES) break;
  }
  return size > MAX_BODY_BYTES ? null : Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}
