import type { BrowserStep, StepElement } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { BoxError } from '../../http/route.ts';
import type { LiveBrowser } from '../desktop.ts';
import { navigate } from '../navigate.ts';
import { keyOf } from './keys.ts';
import { PageWorld } from './page-world.ts';
import { isSamePlace } from './same-place.ts';

/** How a step went. */
export type StepOutcome =
  | { done: true; foundBy: FoundBy | null; skipped?: boolean }
  /** The page is not as it was when the step was recorded. `acted`: the step was done, and led elsewhere. */
  | { done: false; foundBy: FoundBy | null; reason: string; acted: boolean };
export type FoundBy = 'role-and-name' | 'selector';

/** Time for an element to appear and come to rest, ms. */
const FIND_MS = 4_000;
/** Time for a page to load and to lead where it led before, ms. */
const ARRIVE_MS = 15_000;
const POLL_MS = 60;
const MAX_PAGE_TEXT = 16 * 1024;

const foundBySchema = z.enum(['role-and-name', 'selector']);
const heldSchema = z.union([
  z.object({
    foundBy: foundBySchema,
    x: z.number(),
    y: z.number(),
    box: z.string(),
    checked: z.boolean().nullable(),
  }),
  z.object({ problem: z.string(), foundBy: foundBySchema.optional() }),
]);
type Held = Extract<z.infer<typeof heldSchema>, { x: number }>;
const stateSchema = z.object({ ready: z.string(), url: z.string(), title: z.string() });
const textSchema = z.string().nullable();

/** The page after a replay. */
export interface PageView {
  url: string;
  title: string;
  text: string;
}

/** Does recorded steps again on the page in front, each one checked, without a model. */
export class StepPlayer {
  readonly #live: LiveBrowser;
  readonly #signal: AbortSignal;

  constructor(live: LiveBrowser, signal: AbortSignal) {
    this.#live = live;
    this.#signal = signal;
  }

  /**
   * Rejects only when the signal aborts, when the browser is gone, and with a {@link BoxError} when automation has to
   * rest.
   */
  async play(step: BrowserStep): Promise<StepOutcome> {
    this.#permit();
    if (step.action === 'navigate') return this.#navigate(step);
    if (step.action === 'other') return misfit('only the model can do this step', null);
    if (step.action === 'wait' && step.value === null) return { done: true, foundBy: null, skipped: true };
    const page = await this.#live.pages.front();
    if (!page) return misfit('no page is open', null);
    return this.#live.pages.withSession(page.targetId, async (sessionId) => {
      const world = new PageWorld(this.#live.broker, sessionId, page.targetId);
      const outcome = await this.#act(world, step);
      if (!outcome.done || outcome.skipped === true) return outcome;
      return this.#arrive(world, step, outcome);
    });
  }

  /** The page in front, as far as it can be told. */
  async view(): Promise<PageView | null> {
    const page = await this.#live.pages.front();
    if (!page) return null;
    return this.#live.pages.withSession(page.targetId, async (sessionId) => {
      const world = new PageWorld(this.#live.broker, sessionId, page.targetId);
      const { url, title } = await world.ask(stateSchema, 'state');
      return { url, title, text: await world.ask(z.string(), 'pageText', MAX_PAGE_TEXT) };
    });
  }

  /** @throws BoxError 409 with the reason when the agent may not use the browser now. */
  #permit(): void {
    this.#signal.throwIfAborted();
    const refusal = this.#live.broker.refusal('Input.dispatchMouseEvent', {});
    if (refusal !== undefined) throw new BoxError(409, 'CONTROL_HELD_BY_HUMAN', refusal.message);
  }

  async #navigate(step: BrowserStep): Promise<StepOutcome> {
    const request = { url: step.value ?? '', timeoutMs: ARRIVE_MS, signal: this.#signal };
    try {
      const { url } = await navigate(this.#live, request);
      if (step.urlAfter === null || isSamePlace(url, step.urlAfter)) return { done: true, foundBy: null };
      return {
        ...misfit(`the page led to ${pageOf(url)}, not to ${pageOf(step.urlAfter)}`, null),
        acted: true,
      };
    } catch (error) {
      this.#signal.throwIfAborted();
      return misfit(error instanceof Error ? error.message : String(error), null);
    }
  }

  async #act(world: PageWorld, step: BrowserStep): Promise<StepOutcome> {
    const value = step.value ?? '';
    if (step.action === 'back') return this.#back(world);
    if (step.action === 'press') return this.#press(world, value);
    if (step.action === 'wait') return this.#waitFor(world, value, step.flag);
    if (step.element === null) return misfit('the element could not be named when it was recorded', null);
    const held = await this.#hold(world, step.element);
    if ('problem' in held) return misfit(held.problem, held.foundBy ?? null);
    this.#permit();
    if (step.action === 'click') return this.#click(world, held, step.checked);
    if (step.action === 'fill') return this.#fill(world, held, { value, enter: step.flag });
    if (step.action === 'hover') {
      await this.#mouse(world, 'mouseMoved', held);
      return { done: true, foundBy: held.foundBy };
    }
    const problem = await world.ask(textSchema, 'choose', value.split('\n'));
    return problem === null ? { done: true, foundBy: held.foundBy } : misfit(problem, held.foundBy);
  }

  /** Waits until the element is there, enabled, in reach, and rests in one place. */
  async #hold(
    world: PageWorld,
    element: StepElement,
  ): Promise<Held | { problem: string; foundBy?: FoundBy | undefined }> {
    const deadline = performance.now() + FIND_MS;
    let place = '';
    let problem: { problem: string; foundBy?: FoundBy | undefined } = { problem: 'the page does not answer' };
    while (performance.now() < deadline) {
      this.#signal.throwIfAborted();
      // A page that is just being replaced cannot be asked; the next one can.
      const held = await world.ask(heldSchema, 'hold', element).catch(() => null);
      if (held !== null && 'x' in held) {
        if (held.box === place) return held;
        place = held.box;
      } else if (held !== null) problem = held;
      await sleep(POLL_MS, undefined, { signal: this.#signal });
    }
    return place === '' ? problem : { problem: 'the element does not come to rest' };
  }

  async #click(world: PageWorld, held: Held, wanted: boolean | null): Promise<StepOutcome> {
    const { foundBy } = held;
    if (wanted !== null && held.checked === wanted) return { done: true, foundBy, skipped: true };
    const before = await world.ask(stateSchema, 'state');
    await this.#mouse(world, 'mouseMoved', held);
    await this.#mouse(world, 'mousePressed', held);
    await this.#mouse(world, 'mouseReleased', held);
    // A click that led to another page took its world with it: where it led is checked next.
    const state = await world.ask(stateSchema, 'state').catch(() => null);
    if (state === null || state.url !== before.url || state.ready !== 'complete')
      return { done: true, foundBy };
    if (wanted === null) return { done: true, foundBy };
    const checked = await world.ask(z.boolean().nullable(), 'checked').catch(() => wanted);
    if (checked === wanted) return { done: true, foundBy };
    return { ...misfit('the click did not change the box', foundBy), acted: true };
  }

  async #fill(
    world: PageWorld,
    held: Held,
    { value, enter }: { value: string; enter: boolean },
  ): Promise<StepOutcome> {
    const { foundBy } = held;
    const how = await world.ask(z.string(), 'prepareText', value);
    if (how === 'gone') return misfit('the element went away', foundBy);
    if (how === 'type') await world.call('Input.insertText', { text: value });
    if (how === 'clear') await this.#key(world, 'Delete');
    const text = await world.ask(textSchema, 'text');
    if (text?.replaceAll('\r\n', '\n').trim() !== value.replaceAll('\r\n', '\n').trim()) {
      return { ...misfit('the field did not take the text', foundBy), acted: true };
    }
    if (enter) await this.#key(world, 'Enter');
    return { done: true, foundBy };
  }

  async #press(world: PageWorld, key: string): Promise<StepOutcome> {
    if (keyOf(key) === undefined) return misfit(`the key ${key} is not known`, null);
    await this.#key(world, key);
    return { done: true, foundBy: null };
  }

  async #back(world: PageWorld): Promise<StepOutcome> {
    const history = z
      .object({ currentIndex: z.number(), entries: z.array(z.object({ id: z.number() })) })
      .parse(await world.call('Page.getNavigationHistory'));
    const entry = history.entries[history.currentIndex - 1];
    if (!entry) return misfit('there is no page to go back to', null);
    await world.call('Page.navigateToHistoryEntry', { entryId: entry.id });
    return { done: true, foundBy: null };
  }

  async #waitFor(world: PageWorld, text: string, isGone: boolean): Promise<StepOutcome> {
    const deadline = performance.now() + ARRIVE_MS;
    while (performance.now() < deadline) {
      this.#signal.throwIfAborted();
      const shows = await world.ask(z.boolean(), 'shows', text).catch(() => isGone);
      if (shows !== isGone) return { done: true, foundBy: null };
      await sleep(POLL_MS, undefined, { signal: this.#signal });
    }
    const reason = isGone ? 'is still shown' : 'is not shown';
    return misfit(`${JSON.stringify(text)} ${reason} after ${ARRIVE_MS / 1000} s`, null);
  }

  /** Waits until the page has loaded and is where the step led when it was recorded. */
  async #arrive(
    world: PageWorld,
    step: BrowserStep,
    outcome: Extract<StepOutcome, { done: true }>,
  ): Promise<StepOutcome> {
    const deadline = performance.now() + ARRIVE_MS;
    let url = '';
    while (performance.now() < deadline) {
      this.#signal.throwIfAborted();
      const state = await world.ask(stateSchema, 'state').catch(() => null);
      url = state?.url ?? url;
      const isThere = step.urlAfter === null || isSamePlace(url, step.urlAfter);
      if (state !== null && state.ready !== 'loading' && isThere) return outcome;
      // A step that opened a new tab leaves this page where it was.
      const front =
        step.urlAfter === null ? undefined : await this.#live.pages.front().catch(() => undefined);
      if (front !== undefined && isSamePlace(front.url, step.urlAfter ?? '')) return outcome;
      await sleep(POLL_MS, undefined, { signal: this.#signal });
    }
    const { foundBy } = outcome;
    return {
      ...misfit(`the step led to ${pageOf(url)}, not to ${pageOf(step.urlAfter ?? '')}`, foundBy),
      acted: true,
    };
  }

  #mouse(world: PageWorld, type: string, { x, y }: Held): Promise<unknown> {
    const button = type === 'mouseMoved' ? {} : { button: 'left', clickCount: 1 };
    return world.call('Input.dispatchMouseEvent', { type, x, y, ...button });
  }

  async #key(world: PageWorld, name: string): Promise<void> {
    const key = keyOf(name);
    if (key === undefined) return;
    const type = key.text === undefined ? 'rawKeyDown' : 'keyDown';
    await world.call('Input.dispatchKeyEvent', { type, ...key });
    const { text: _text, ...released } = key;
    await world.call('Input.dispatchKeyEvent', { type: 'keyUp', ...released });
  }
}

function misfit(reason: string, foundBy: FoundBy | null): Extract<StepOutcome, { done: false }> {
  return { done: false, foundBy, reason, acted: false };
}

/** Without what forms put behind it. */
function pageOf(url: string): string {
  return url.replace(/[?#].*$/s, '');
}
