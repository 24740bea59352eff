import { createParser } from 'eventsource-parser';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BoxLogger } from '../../services.ts';
import type { OpenCodeClient } from './client.ts';
import { type OpenCodeEvent, parseOpenCodeEvent } from './schemas.ts';

const RECONNECT_DELAY_MS = 250;
/** OpenCode sends a heartbeat every 10 s; a stream silent for three of them is dead. */
const SILENCE_LIMIT_MS = 30_000;
/** Longest event kept: OpenCode cuts a tool's output at 50 KB, but not what `POST /shell` prints. */
const MAX_EVENT_CHARACTERS = 16 * 1024 * 1024;

type Listener = (event: OpenCodeEvent) => void;

/**
 * Follows the event stream of one running OpenCode server until the signal aborts, and connects again when it
 * drops. Events that fall into a gap are lost: listeners must not depend on seeing every one.
 */
export class OpenCodeEventStream {
  readonly #client: OpenCodeClient;
  readonly #logger: BoxLogger;
  readonly #listeners = new Set<Listener>();
  #connected = Promise.withResolvers<void>();

  constructor(client: OpenCodeClient, logger: BoxLogger) {
    this.#client = client;
    this.#logger = logger;
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits until events flow; false when they do not within `timeoutMs`. */
  async whenConnected(timeoutMs: number): Promise<boolean> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const expired = new Promise<false>((resolve) => {
      timeout.addEventListener('abort', () => resolve(false), { once: true });
    });
    return Promise.race([this.#connected.promise.then(() => true), expired]);
  }

  /** Runs until the signal aborts; never rejects. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#readOnce(signal);
      } catch (error) {
        if (!signal.aborted) this.#logger.warn('agent.events.dropped', { reason: String(error) });
      }
      this.#connected = Promise.withResolvers<void>();
      await sleep(RECONNECT_DELAY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    const silence = new AbortController();
    const body = await this.#client.openEvents(AbortSignal.any([signal, silence.signal]));
    const watchdog = setTimeout(() => silence.abort(new Error('no heartbeat')), SILENCE_LIMIT_MS);
    const parser = createParser({
      maxBufferSize: MAX_EVENT_CHARACTERS,
      onEvent: ({ data }) => this.#dispatch(data),
      onError: (error) => this.#logger.warn('agent.events.unreadable', { reason: error.message }),
    });
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) {
        watchdog.refresh();
        parser.feed(decoder.decode(chunk, { stream: true }));
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  #dispatch(data: string): void {
    const event = parseOpenCodeEvent(data);
    if (event === null) return;
    if (event.type === 'server.connected') this.#connected.resolve();
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error('agent.events.listener', { error });
      }
    }
  }
}
