import { z } from 'zod';
import { BoxError } from '../http/route.ts';
import type { CdpBroker } from './cdp-broker.ts';
import type { Pages } from './pages.ts';

const navigatedSchema = z.object({
  loaderId: z.string().optional(),
  errorText: z.string().optional(),
  isDownload: z.boolean().optional(),
});
const infoSchema = z.object({ targetInfo: z.object({ url: z.string(), title: z.string() }) });
const dialogSchema = z.object({ type: z.string() });
const lifecycleSchema = z.object({ frameId: z.string(), loaderId: z.string(), name: z.string() });

/** Longest wait for a page, whatever the caller asks for. */
const MAX_NAVIGATE_MS = 120_000;
const STOP_MS = 3_000;

/** Checks an address that the browser is sent to. @throws BoxError 400 unless http, https or about:blank. */
export function checkAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:' || url.href === 'about:blank'))
    return url.href;
  throw new BoxError(
    400,
    'INVALID_URL',
    `url ${JSON.stringify(text.slice(0, 200))} is not allowed; give an absolute http:// or https:// address, or about:blank.`,
  );
}

/**
 * Sends the page in front to an address and waits until it has loaded, or shows a dialog, which it waits for itself. A
 * dialog of the page that is left is closed.
 * @throws BoxError 502 `NAVIGATION_FAILED` with Chromium's reason, 504 `NAVIGATION_TIMEOUT`, 409 `NAVIGATION_DOWNLOAD`.
 */
export async function navigate(
  { broker, pages }: { broker: CdpBroker; pages: Pages },
  request: { url: string; timeoutMs: number; signal: AbortSignal },
): Promise<{ url: string; title: string }> {
  const url = checkAddress(request.url);
  const timeoutMs = Math.min(request.timeoutMs, MAX_NAVIGATE_MS);
  const signal = AbortSignal.any([request.signal, broker.signal]);
  const deadline = performance.now() + timeoutMs;
  const page = await pages.front();
  if (!page)
    throw new BoxError(503, 'BROWSER_RESTARTING', 'The browser has no page open. Try again in a second.');
  await pages.dialogs.close(page.targetId);
  const loads = new LoadWatch();
  const loaded = await pages.withSession(
    page.targetId,
    async (sessionId) => {
      await broker.call('Page.enable', {}, { sessionId });
      await broker.call('Page.setLifecycleEventsEnabled', { enabled: true }, { sessionId });
      const reply = await broker
        .call('Page.navigate', { url }, { sessionId, timeoutMs })
        .catch((error: unknown) => {
          if (error instanceof BoxError && error.code === 'BROWSER_TIMEOUT') return undefined;
          throw error;
        });
      if (reply === undefined) {
        // Until the place answers, Chromium would answer nothing else about this page, either.
        await broker.call('Page.stopLoading', {}, { sessionId, timeoutMs: STOP_MS }).catch(() => undefined);
        throw new BoxError(
          504,
          'NAVIGATION_TIMEOUT',
          `${url} did not answer within ${timeoutMs} ms; the page stays as it was. Pass a longer timeoutMs, at most ${MAX_NAVIGATE_MS}.`,
        );
      }
      const { loaderId, errorText, isDownload } = navigatedSchema.parse(reply);
      if (isDownload === true) {
        const text = `${url} is a download; it is saved in the downloads folder of the workspace, and the page stays.`;
        throw new BoxError(409, 'NAVIGATION_DOWNLOAD', text);
      }
      if (errorText !== undefined) {
        throw new BoxError(502, 'NAVIGATION_FAILED', `${url} could not be opened: ${errorText}.`);
      }
      // Without a loader the page stays and only its fragment changes.
      return loaderId === undefined || (await loads.wait(loaderId, deadline - performance.now(), signal));
    },
    (event) => {
      const dialog =
        event.method === 'Page.javascriptDialogOpening' ? dialogSchema.safeParse(event.params) : undefined;
      if (dialog?.success && dialog.data.type !== 'beforeunload') loads.stop();
      else if (dialog?.success)
        broker
          .call('Page.handleJavaScriptDialog', { accept: true }, { sessionId: event.sessionId ?? '' })
          .catch(() => undefined);
      const parsed =
        event.method === 'Page.lifecycleEvent' ? lifecycleSchema.safeParse(event.params) : undefined;
      // A page target's id is the id of its main frame.
      if (!parsed?.success || parsed.data.frameId !== page.targetId) return;
      loads.note(parsed.data.loaderId, parsed.data.name === 'load');
    },
  );
  if (broker.signal.aborted) {
    throw new BoxError(
      503,
      'BROWSER_RESTARTING',
      `The browser ended while it opened ${url}. Try again in a second.`,
    );
  }
  if (!loaded) {
    throw new BoxError(
      504,
      'NAVIGATION_TIMEOUT',
      `${url} did not finish loading in ${timeoutMs} ms; the page stays open and may still load. Pass a longer timeoutMs, at most ${MAX_NAVIGATE_MS}.`,
    );
  }
  const info = infoSchema.parse(await broker.call('Target.getTargetInfo', { targetId: page.targetId }));
  return { url: info.targetInfo.url, title: info.targetInfo.title };
}

/**
 * Follows the documents of a page's main frame. Its events may come before the reply that names the document, and
 * a page may send itself elsewhere before it has loaded: then the load of a later document counts.
 */
class LoadWatch {
  readonly #seen: string[] = [];
  readonly #loaded = new Set<string>();
  #stopped = false;
  #wake: (() => void) | undefined;

  note(loaderId: string, isLoad: boolean): void {
    if (!this.#seen.includes(loaderId)) this.#seen.push(loaderId);
    if (!isLoad) return;
    this.#loaded.add(loaderId);
    this.#wake?.();
  }

  /** The document goes no further. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  /** False when the time is over or the signal aborts first. */
  wait(loaderId: string, ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#hasLoaded(loaderId)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (loaded: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', give);
        this.#wake = undefined;
        resolve(loaded);
      };
      const give = (): void => finish(false);
      const timer = setTimeout(give, Math.max(0, ms));
      signal.addEventListener('abort', give);
      if (signal.aborted) give();
      this.#wake = () => {
        if (this.#hasLoaded(loaderId)) finish(true);
      };
    });
  }

  #hasLoaded(loaderId: string): boolean {
    if (this.#stopped) return true;
    const from = this.#seen.indexOf(loaderId);
    return from >= 0 && this.#seen.slice(from).some((seen) => this.#loaded.has(seen));
  }
}
