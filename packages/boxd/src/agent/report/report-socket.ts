import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Account, BoxLogger } from '../../services.ts';
import { type SubmittedReport, submittedReportSchema } from './report-keeper.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const REPORTS_PER_MINUTE = 30;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 16;

export interface ReportSocketOptions {
  path: string;
  /** Whose commands may connect. */
  account: Account;
  logger: BoxLogger;
  /** Takes a report; resolves to the task it belongs to. */
  submit: (report: SubmittedReport) => Promise<string | null>;
}

/** A reply of the socket; `error` says what the caller can do. */
interface Reply {
  status: number;
  body: { ok: true; taskId: string | null } | { error: string };
}

function refuse(status: number, error: string): Reply {
  return { status, body: { error } };
}

/** Small HTTP server on a unix socket, through which `banata-complete-task` hands in reports: `POST /report`. */
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
      this.#handle(request)
        .catch((error: unknown) => {
          logger.error('agent.report', { error });
          return refuse(500, 'the report could not be stored; try again');
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

  async #handle(request: IncomingMessage): Promise<Reply> {
    if (request.method !== 'POST' || request.url !== '/report')
      return refuse(404, 'only POST /report is offered');
    const now = Date.now();
    this.#recent = this.#recent.filter((at) => now - at < 60_000);
    if (this.#recent.length >= REPORTS_PER_MINUTE) {
      return refuse(429, `more than ${REPORTS_PER_MINUTE} reports in a minute; one per task is meant`);
    }
    const text = await readBody(request);
    if (text === null)
      return refuse(413, `a report may have at most ${MAX_BODY_BYTES} bytes; shorten --report`);
    const parsed = submittedReportSchema.safeParse(parseJson(text));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return refuse(400, `the report is not valid: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
    }
    this.#recent.push(now);
    return {
      status: 200,
      body: { ok: true, taskId: await this.#options.submit(parsed.data) },
    };
  }
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
