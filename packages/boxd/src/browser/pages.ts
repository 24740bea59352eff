import type { CdpBroker, OwnEvent } from './cdp-broker.ts';
import type { CdpRefusal } from './cdp-policy.ts';
import { z } from 'zod';
import { Dialogs } from './dialogs.ts';

const targetInfoSchema = z.object({
  targetId: z.string(),
  type: z.string(),
  subtype: z.string().optional(),
  title: z.string(),
  url: z.string(),
});
export type PageInfo = z.infer<typeof targetInfoSchema>;

const targetsSchema = z.object({ targetInfos: z.array(targetInfoSchema) });
const createdSchema = z.object({ targetInfo: targetInfoSchema });
const destroyedSchema = z.object({ targetId: z.string() });
const attachedSchema = z.object({ sessionId: z.string() });
const worldSchema = z.object({ executionContextId: z.number() });
const visibilitySchema = z.object({ result: z.object({ value: z.string() }) });

/** A page that does not say within this time whether it is in front counts as behind. */
const VISIBILITY_TIMEOUT_MS = 500;
/** Tabs beyond this many are not asked whether they are in front. */
const MAX_ASKED = 50;
const REOPEN_AFTER_MS = 100;
/**
 * How long a page beyond the most may stay. A new page waits for the clients that attach to it, at most as long as the
 * broker lets them; closed meanwhile, it would leave the page that opened it hanging, whose thread waits with it.
 */
const EXTRA_PAGE_MS = 6_000;

/** The open pages of one Chromium, followed by its target events. */
export class Pages {
  readonly dialogs: Dialogs;
  readonly #pages = new Set<string>();
  readonly #broker: CdpBroker;
  readonly #frontTitle: () => Promise<string | undefined>;
  readonly #maxPages: number | undefined;
  #onFirst: (() => void) | undefined;
  readonly #listeners = new Map<string, (event: OwnEvent) => void>();
  #reopen: NodeJS.Timeout | undefined;
  readonly #closing = new Set<NodeJS.Timeout>();

  /**
   * @param frontTitle title of the window in front, when it can be told.
   * @param options.onFirst called once, when the first page is open.
   * @param options.maxPages pages beyond this many are closed. Default: none.
   */
  constructor(
    broker: CdpBroker,
    frontTitle: () => Promise<string | undefined>,
    options: { onFirst: () => void; maxPages?: number | undefined },
  ) {
    this.#broker = broker;
    this.dialogs = new Dialogs(broker);
    this.#frontTitle = frontTitle;
    this.#onFirst = options.onFirst;
    this.#maxPages = options.maxPages;
  }

  /** Why a client's message is refused: it asks for a page more than there may be. */
  refuse(method: string): CdpRefusal | undefined {
    const most = this.#maxPages;
    if (method !== 'Target.createTarget' || most === undefined || this.#pages.size < most) return undefined;
    return {
      code: -32000,
      message: `This browser has ${most} pages, its most; close one first, or create a session of a greater weight.`,
    };
  }

  /** Must get every own event of the broker. */
  handle(event: OwnEvent): void {
    if (event.sessionId !== undefined) {
      this.#listeners.get(event.sessionId)?.(event);
      this.dialogs.handle(event);
    } else if (event.method === 'Target.targetCreated') {
      const parsed = createdSchema.safeParse(event.params);
      if (parsed.success) this.#note(parsed.data.targetInfo);
    } else if (event.method === 'Target.targetDestroyed') {
      const parsed = destroyedSchema.safeParse(event.params);
      if (!parsed.success) return;
      this.dialogs.forget(parsed.data.targetId);
      if (this.#pages.delete(parsed.data.targetId)) this.#keepOne();
    }
  }

  /** Opens an empty page in a window of its own. */
  open(): void {
    // It fails only when the browser ends, and the next browser opens its own page.
    this.#broker.call('Target.createTarget', { url: 'about:blank', newWindow: true }).catch(() => {});
  }

  stop(): void {
    clearTimeout(this.#reopen);
    for (const timer of this.#closing) clearTimeout(timer);
  }

  /** The open pages with their titles of this moment, of which no event tells; newest first. */
  async list(): Promise<PageInfo[]> {
    const { targetInfos } = targetsSchema.parse(await this.#broker.call('Target.getTargets'));
    const order = [...this.#pages];
    return (
      targetInfos
        // A prerendered page is a target too, of which nothing can be seen yet.
        .filter((info) => info.type === 'page' && info.subtype === undefined)
        .sort((a, b) => order.indexOf(b.targetId) - order.indexOf(a.targetId))
    );
  }

  /**
   * The page a person sees; undefined when none is open. A window bears the title of its tab in front; among tabs
   * of one title it is the newest that says it is visible. What pages say comes second, since clients that emulate
   * focus, as Playwright does, make every page say so.
   */
  async front(): Promise<PageInfo | undefined> {
    const all = await this.list();
    if (all.length <= 1) return all[0];
    const windowTitle = await this.#frontTitle().catch(() => undefined);
    const titled = all.filter((page) => windowTitle === page.title);
    if (titled.length === 1) return titled[0];
    const pages = (titled.length > 0 ? titled : all).slice(0, MAX_ASKED);
    const visible = await Promise.all(pages.map((page) => this.#isVisible(page.targetId)));
    return pages[visible.indexOf(true)] ?? pages[0];
  }

  /** Runs `use` with a session of its own on a page, and detaches after it. */
  async withSession<T>(
    targetId: string,
    use: (sessionId: string) => Promise<T>,
    onEvent: (event: OwnEvent) => void = () => {},
  ): Promise<T> {
    const attached = await this.#broker.call('Target.attachToTarget', { targetId, flatten: true });
    const { sessionId } = attachedSchema.parse(attached);
    this.#listeners.set(sessionId, onEvent);
    try {
      return await use(sessionId);
    } finally {
      this.#listeners.delete(sessionId);
      // The session may be gone with its page already.
      this.#broker.call('Target.detachFromTarget', { sessionId }).catch(() => {});
    }
  }

  #note(info: PageInfo): void {
    if (info.type !== 'page') return;
    this.#pages.add(info.targetId);
    this.dialogs.watch(info.targetId);
    // A page that a page opened; those of clients are refused before.
    if (this.#maxPages !== undefined && this.#pages.size > this.#maxPages) this.#closeLater(info.targetId);
    this.#onFirst?.();
    this.#onFirst = undefined;
  }

  #closeLater(targetId: string): void {
    const timer = setTimeout(() => {
      this.#closing.delete(timer);
      this.#broker.call('Target.closeTarget', { targetId }).catch(() => {});
    }, EXTRA_PAGE_MS);
    this.#closing.add(timer);
  }

  /** A browser without a page has no window: the person would see an empty desktop, and clients find no tab. */
  #keepOne(): void {
    if (this.#pages.size > 0) return;
    clearTimeout(this.#reopen);
    this.#reopen = setTimeout(() => {
      if (this.#pages.size === 0) this.open();
    }, REOPEN_AFTER_MS);
  }

  async #isVisible(targetId: string): Promise<boolean> {
    const asked = this.withSession(targetId, async (sessionId) => {
      const options = { sessionId, timeoutMs: VISIBILITY_TIMEOUT_MS };
      // An isolated world, since the page can redefine its own document.visibilityState. A page target's id
      // is the id of its main frame.
      const world = await this.#broker.call('Page.createIsolatedWorld', { frameId: targetId }, options);
      const { executionContextId } = worldSchema.parse(world);
      const evaluated = await this.#broker.call(
        'Runtime.evaluate',
        { expression: 'document.visibilityState', contextId: executionContextId, returnByValue: true },
        options,
      );
      return visibilitySchema.parse(evaluated).result.value === 'visible';
    });
    return asked.catch(() => false);
  }
}
