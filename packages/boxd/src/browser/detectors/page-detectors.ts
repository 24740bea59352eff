import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BoxHandoff } from '@banata/protocol/box';
import { z } from 'zod';
import type { BoxLogger } from '../../services.ts';
import type { LiveBrowser } from '../desktop.ts';
import { FormWorld } from '../forms/form-world.ts';
import { SightingLog, type DetectorKind } from './sighting-log.ts';

/** Pause between two looks at the page in front. */
const LOOK_MS = 1_000;
/** The same for a page that has not changed for ten looks. */
const QUIET_LOOK_MS = 3_000;
const QUIET_AFTER = 10;
/** After a page that did not answer, or a browser that is just starting. */
const AFTER_TROUBLE_MS = 5_000;
const LIVE_MS = 10_000;

const evidenceSchema = z.string().max(300).nullable().optional();
const seenSchema = z.object({ login: evidenceSchema, otp: evidenceSchema, captcha: evidenceSchema });
type Seen = z.infer<typeof seenSchema>;
const treeSchema = z.object({
  frameTree: z.object({ frame: z.object({ loaderId: z.string(), url: z.string() }) }),
});

/** What is asked of the person, by the first of these that the page shows. */
const REQUESTS: { kind: DetectorKind; reason: BoxHandoff['reason']; ask: (host: string) => string }[] = [
  {
    kind: 'captcha',
    reason: 'captcha',
    ask: (host) => `The page of ${host} shows a CAPTCHA. Solve it in the browser, then say that it is done.`,
  },
  {
    kind: 'otp',
    reason: 'mfa',
    ask: (host) =>
      `The page of ${host} asks for a one-time code. Enter it in the browser, then say that it is done.`,
  },
  {
    kind: 'login',
    reason: 'login_failed',
    ask: (host) =>
      `The page of ${host} asks to sign in. Sign in there in the browser, then say that it is done.`,
  },
];

export interface PageDetectorsOptions {
  kinds: readonly DetectorKind[];
  /** The browser once it takes calls. */
  live: (signal: AbortSignal) => Promise<LiveBrowser>;
  /** Whether a person has control, or is waited for. */
  isHeld: () => boolean;
  /** Asks for a person. */
  request: (wish: BoxHandoff) => Promise<void>;
  logger: BoxLogger;
}

/** Looks at the page in front again and again, and asks for a person where it shows what only people can do. */
export class PageDetectors {
  readonly #options: PageDetectorsOptions;
  readonly #log = new SightingLog();
  #unchanged = 0;
  #last = '';

  constructor(options: PageDetectorsOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let pause = LOOK_MS;
    while (!signal.aborted) {
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      if (this.#options.isHeld()) continue;
      try {
        await this.#look(signal);
        pause = this.#unchanged < QUIET_AFTER ? LOOK_MS : QUIET_LOOK_MS;
      } catch (error) {
        if (!signal.aborted) this.#options.logger.info('detectors.look', { reason: String(error) });
        pause = AFTER_TROUBLE_MS;
      }
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { kinds, isHeld } = this.#options;
    const live = await this.#options.live(AbortSignal.any([signal, AbortSignal.timeout(LIVE_MS)]));
    const page = await live.pages.front();
    if (!page || !/^https?:/.test(page.url)) return;
    const { seen, url, document } = await live.pages.withSession(page.targetId, async (sessionId) => {
      const world = new FormWorld({ broker: live.broker, sessionId, targetId: page.targetId });
      const { frame } = treeSchema.parse(await world.call('Page.getFrameTree')).frameTree;
      const found = await world.ask(seenSchema, 'see', kinds);
      return { seen: found, url: frame.url, document: `${page.targetId} ${frame.loaderId}` };
    });
    const shown = kinds.filter((kind) => typeof seen[kind] === 'string');
    const state = `${document} ${shown.join()}`;
    this.#unchanged = state === this.#last ? this.#unchanged + 1 : 0;
    this.#last = state;
    const isDue = this.#log.note(document, shown, performance.now());
    if (isDue && !isHeld()) await this.#ask(seen, url);
  }

  async #ask(seen: Seen, url: string): Promise<void> {
    const first = REQUESTS.find(({ kind }) => typeof seen[kind] === 'string');
    if (!first) return;
    const { kind, reason, ask } = first;
    const evidence = REQUESTS.flatMap((request) => seen[request.kind] ?? [])
      .join(', ')
      .slice(0, 300);
    const place = URL.parse(url);
    const where = url.replace(/[?#].*$/s, '').slice(0, 2048);
    await this.#options.request({
      requestId: randomBytes(16).toString('hex'),
      taskId: null,
      requestedBy: 'worker',
      reason,
      message: ask(place?.host.slice(0, 255) ?? 'this address'),
      detected: { detector: kind, evidence, url: where },
    });
  }
}
