import type { OpenCodeClient } from '../opencode/client.ts';
import type { OpenCodeEventStream } from '../opencode/event-stream.ts';

/** A running, probed agent server, as the tasks use it. Good until `closed` aborts. */
export interface AgentConnection {
  client: OpenCodeClient;
  events: OpenCodeEventStream;
  version: string;
  /** Loopback port the agent server listens on. */
  port: number;
  /** Aborted when the server is gone; the reason is a sentence. */
  closed: AbortSignal;
  /** Whether the configuration has browser tools. */
  hasBrowserTools(): boolean;
  /** Ends a server that no longer answers; the supervisor starts a new one. */
  kill(reason: string): void;
}
