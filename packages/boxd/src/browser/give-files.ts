import { realpath, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { BoxError } from '../http/route.ts';
import type { Account } from '../services.ts';
import type { LiveBrowser } from './desktop.ts';

const POLL_MS = 100;
/** Longest wait for a chooser or an input, whatever the caller asks for. */
const MAX_WAIT_MS = 120_000;

const chooserSchema = z.object({
  backendNodeId: z.number().optional(),
  mode: z.enum(['selectSingle', 'selectMultiple']),
});
const foundSchema = z.object({ result: z.object({ objectId: z.string().optional() }) });

export interface GiveFiles {
  paths: string[];
  /** CSS selector of the input; null: the next file chooser that the page opens. */
  selector: string | null;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Gives files to a file input of the page in front.
 * @throws BoxError 409 `FILE_CHOOSER_NOT_OPEN`, 404 `FILE_NOT_FOUND`, 403 `PERMISSION_DENIED`.
 */
export async function giveFiles(
  { broker, pages }: LiveBrowser,
  { paths, selector, timeoutMs, signal }: GiveFiles,
): Promise<{ files: number }> {
  const page = await pages.front();
  if (!page)
    throw new BoxError(503, 'BROWSER_RESTARTING', 'The browser has no page open. Try again in a second.');
  const deadline = performance.now() + Math.min(timeoutMs, MAX_WAIT_MS);
  const chooser = Promise.withResolvers<z.infer<typeof chooserSchema>>();
  await pages.withSession(
    page.targetId,
    async (sessionId) => {
      const set = (target: Record<string, unknown>): Promise<unknown> =>
        broker.call('DOM.setFileInputFiles', { ...target, files: paths }, { sessionId });
      if (selector !== null) {
        const find = async (): Promise<string | undefined> => {
          const expression = `document.querySelector(${JSON.stringify(selector)})`;
          const found = await broker.call('Runtime.evaluate', { expression }, { sessionId });
          return foundSchema.parse(found).result.objectId;
        };
        await set({ objectId: await poll(find, deadline, signal) });
        return;
      }
      await broker.call('Page.enable', {}, { sessionId });
      await broker.call('Page.setInterceptFileChooserDialog', { enabled: true }, { sessionId });
      const opened = await Promise.race([chooser.promise, over(deadline, signal)]);
      if (opened?.backendNodeId === undefined) throw notOpen('No file chooser was opened in time.');
      if (opened.mode === 'selectSingle' && paths.length > 1)
        throw new BoxError(400, 'INVALID_REQUEST', 'The page takes one file here; give one path.');
      await set({ backendNodeId: opened.backendNodeId });
    },
    ({ method, params }) => {
      const parsed = method === 'Page.fileChooserOpened' ? chooserSchema.safeParse(params) : undefined;
      if (parsed?.success) chooser.resolve(parsed.data);
    },
  );
  return { files: paths.length };
}

/**
 * Checks that the browser's account can read these files of the workspace, and answers where they lie.
 * @throws BoxError 404 `FILE_NOT_FOUND`, 400 `INVALID_PATH`, 403 `PERMISSION_DENIED`.
 */
export async function readableFiles(paths: string[], workspace: string, reader: Account): Promise<string[]> {
  return Promise.all(
    paths.map(async (path) => {
      const real = await realpath(path).catch(() => undefined);
      const info = real === undefined ? undefined : await stat(real).catch(() => undefined);
      if (real === undefined || !info) throw new BoxError(404, 'FILE_NOT_FOUND', `${path} does not exist.`);
      if (!real.startsWith(`${workspace}/`) || !info.isFile())
        throw new BoxError(400, 'INVALID_PATH', `${path} is not a file under ${workspace}.`);
      const bits = info.uid === reader.uid ? 0o400 : info.gid === reader.gid ? 0o040 : 0o004;
      if ((info.mode & bits) === 0) {
        const text = `The browser may not read ${path}; make it readable, as by chmod o+r.`;
        throw new BoxError(403, 'PERMISSION_DENIED', text);
      }
      return real;
    }),
  );
}

async function poll(
  find: () => Promise<string | undefined>,
  deadline: number,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (signal.aborted || performance.now() > deadline) throw notOpen('No element matches the selector.');
    await delay(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

async function over(deadline: number, signal: AbortSignal): Promise<undefined> {
  await delay(Math.max(0, deadline - performance.now()), undefined, { signal, ref: false }).catch(() => {});
}

function notOpen(text: string): BoxError {
  return new BoxError(409, 'FILE_CHOOSER_NOT_OPEN', text);
}
