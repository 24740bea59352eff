import { stepElementSchema } from '@banata/protocol/box';
import { z } from 'zod';
import type { LiveBrowser } from '../desktop.ts';
import { PageWorld, stepPayload } from './page-world.ts';

const pageActionSchema = z.object({
  type: z.enum(['click', 'input', 'change']),
  /** Null in a frame. */
  element: stepElementSchema.nullable(),
  url: z.string(),
  /** The field takes a password, a card's data or a one-time code. */
  secret: z.boolean(),
  checked: z.boolean().nullable(),
});
/** Something that happened to an element of a page, whoever did it. */
export type PageAction = z.infer<typeof pageActionSchema>;

/** Pages followed at a time; what happens in others is not seen. */
const MAX_PAGES = 20;
/** Actions kept between two looks: a page can make any number of them up. */
const MAX_ACTIONS = 500;
const ATTACH_MS = 3_000;

/** Sees what happens to the elements of all pages of one browser, until it is closed. */
export class PageWatch {
  readonly #live: LiveBrowser;
  readonly #followed = new Map<string, Promise<void>>();
  readonly #closed = Promise.withResolvers<void>();
  #actions: PageAction[] = [];

  constructor(live: LiveBrowser) {
    this.#live = live;
    live.broker.signal.addEventListener('abort', () => this.close(), { once: true });
  }

  isOf(live: LiveBrowser): boolean {
    return this.#live.broker === live.broker;
  }

  /** Follows the pages that are open now, too. Never rejects: a page that went away is not followed. */
  async follow(): Promise<void> {
    const pages = await this.#live.pages.list().catch(() => []);
    for (const { targetId } of pages.slice(0, MAX_PAGES)) {
      if (!this.#followed.has(targetId) && this.#followed.size < MAX_PAGES)
        this.#followed.set(targetId, this.#attach(targetId));
    }
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, ATTACH_MS).unref());
    await Promise.race([Promise.all(this.#followed.values()), timeout]);
  }

  /** What happened since the last call. */
  take(): PageAction[] {
    const taken = this.#actions;
    this.#actions = [];
    return taken;
  }

  /** Address of the page in front; null when there is none. */
  async url(): Promise<string | null> {
    const page = await this.#live.pages.front().catch(() => undefined);
    return page?.url.slice(0, 4096) ?? null;
  }

  close(): void {
    this.#closed.resolve();
  }

  /** Resolves when the page is followed. */
  #attach(targetId: string): Promise<void> {
    const ready = Promise.withResolvers<void>();
    const { broker, pages } = this.#live;
    pages
      .withSession(
        targetId,
        async (sessionId) => {
          await new PageWorld(broker, sessionId, targetId).record();
          ready.resolve();
          await this.#closed.promise;
        },
        (event) => this.#note(stepPayload(event)),
      )
      .catch(() => ready.resolve());
    return ready.promise;
  }

  #note(payload: string | undefined): void {
    if (payload === undefined || this.#actions.length >= MAX_ACTIONS) return;
    let told: unknown;
    try {
      told = JSON.parse(payload);
    } catch {
      return;
    }
    const parsed = pageActionSchema.safeParse(told);
    if (parsed.success) this.#actions.push(parsed.data);
  }
}
