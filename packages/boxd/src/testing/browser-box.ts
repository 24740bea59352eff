import { rm } from 'node:fs/promises';
import type { BoxConfig, BoxEvent, BoxEventBody } from '@banata/protocol/box';
import { createParser } from 'eventsource-parser';
import { copyDaemon } from './daemon-copy.ts';
import { startImageBox, type ImageBox } from './image-box.ts';
import { imageLayers } from './image-layers.ts';

const EVENT_TIMEOUT_MS = 30_000;

const config = {
  sandboxId: 'browser-test',
  runtime: 'base',
  env: {},
  browser: { viewport: { width: 1280, height: 800 }, persistentProfile: false },
  agent: null,
};

/** A box of the real image whose browser is up, with its journal followed. */
export interface BrowserBox {
  box: ImageBox;
  events: readonly BoxEvent[];
  /** Resolves to the first event of the type after `from` entries of the journal. */
  event<T extends BoxEventBody['type']>(type: T, from?: number): Promise<Extract<BoxEventBody, { type: T }>>;
  /** URL of a WebSocket route. */
  socketUrl(path: string): string;
  /** What WebSocket clients send to be let in. */
  headers: Record<string, string>;
  close(): Promise<void>;
}

/** @param more of the browser's configuration. */
export async function startBrowserBox(
  more: Partial<NonNullable<BoxConfig['browser']>> = {},
): Promise<BrowserBox> {
  const boxDirectory = await copyDaemon();
  const box = await startImageBox({ layers: imageLayers(process.env), boxDirectory, pids: 1024 });
  const reading = new AbortController();
  const events: BoxEvent[] = [];
  void follow(box, events, reading.signal);
  const event = async (type: BoxEventBody['type'], from = 0): Promise<BoxEventBody> => {
    const deadline = Date.now() + EVENT_TIMEOUT_MS;
    for (;;) {
      const found = events.slice(from).find(({ body }) => body.type === type);
      if (found) return found.body;
      if (Date.now() > deadline) throw new Error(`No event ${type}: ${await box.log()}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  const { status } = await box.send('PUT', '/config', {
    ...config,
    browser: { ...config.browser, ...more },
  });
  if (status !== 200) throw new Error(`The box refused its configuration: ${status}`);
  await event('browser.ready');
  return {
    box,
    events,
    event: event as BrowserBox['event'],
    socketUrl: (path) => box.url.replace('http:', 'ws:') + path,
    headers: { authorization: `Bearer ${box.token}` },
    close: async () => {
      reading.abort();
      await box.close();
      await rm(boxDirectory, { recursive: true, force: true });
    },
  };
}

/** Follows the journal, over a restart of the daemon too. */
async function follow(box: ImageBox, events: BoxEvent[], signal: AbortSignal): Promise<void> {
  const parser = createParser({ onEvent: ({ data }) => events.push(JSON.parse(data) as BoxEvent) });
  while (!signal.aborted) {
    try {
      const { body } = await box.fetch(`/events?after=${events.at(-1)?.cursor ?? 0}`, { signal });
      parser.reset();
      for await (const chunk of body!.pipeThrough(new TextDecoderStream())) parser.feed(chunk);
    } catch {
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}
