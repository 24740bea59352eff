import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';

/** One request to the daemon, already authenticated. */
export interface BoxRequest {
  /** Path and query as the caller sent them. */
  url: URL;
  /** Values of `{name}` segments of the route's path. */
  params: Record<string, string>;
  /** Aborted when the caller goes away or the daemon stops. */
  signal: AbortSignal;
  /** Reads the body, at most 32 MiB, and parses it. Throws a {@link BoxError} 400 that names the field. */
  json<T extends z.ZodType>(schema: T): Promise<z.output<T>>;
  raw: IncomingMessage;
  response: ServerResponse;
}

/**
 * An HTTP route of the daemon. What `handle` resolves to is sent as JSON; a handler that wrote to
 * `request.response` itself resolves to undefined.
 */
export interface BoxRoute {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Such as `/agent/tasks/{taskId}`. */
  path: string;
  handle(request: BoxRequest): Promise<object | undefined>;
}

/** A WebSocket route of the daemon; `handle` owns the socket from the first call on. */
export interface BoxUpgrade {
  path: string;
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** An error that reaches the caller as `{ error, code }` with this status. */
export class BoxError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BoxError';
    this.status = status;
    this.code = code;
  }
}
