import { type Capabilities, proxySchema, proxyUrl } from '@banata/protocol';
import { boxBrowserStateSchema, type BoxConfig } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Secrets } from '../secrets.ts';
import { maxPagesOf } from './weights.ts';

const POLL_MS = 50;
const STATE_TIMEOUT_MS = 10_000;

/** Path at the boxes' listener under which a sandbox reaches the browser that belongs to it. */
export const PAIRED_CDP_PATH = '/paired-browser/cdp';

/** What a box is told of the browser: to run one, or where the one of its sandbox is; and of the proxy. */
export function boxBrowser(
  row: SandboxRow,
  { browser, handoff: { detectors } }: Pick<Capabilities, 'browser' | 'handoff'>,
  access: { origin: string; token: string; secrets: Secrets },
): Pick<BoxConfig, 'browser' | 'pairedBrowser' | 'proxy'> {
  const { mode, viewport, persistentProfile, recording, recordingOptions } = browser;
  const maxPages = maxPagesOf(row);
  const proxy = openProxy(row, access.secrets);
  const socketOrigin = access.origin.replace(/^http/, 'ws');
  return {
    browser:
      mode === 'local-chromium'
        ? {
            viewport,
            persistentProfile,
            ...(maxPages !== undefined && { maxPages }),
            ...(detectors.length > 0 && { detectors }),
            ...(row.browser_session?.har === true && { har: true }),
            ...(recording &&
              row.box_id !== null && {
                // One a box, so that a repeated configuration starts no second one.
                recording: { recordingId: row.box_id, ...recordingOptions },
              }),
          }
        : null,
    ...(mode === 'paired-banata-browser' && {
      pairedBrowser: { cdpUrl: `${socketOrigin}${PAIRED_CDP_PATH}?token=${access.token}` },
    }),
    ...(proxy !== undefined && { proxy: { url: proxy } }),
  };
}

/** URL of a sandbox's proxy with its credentials. */
export function openProxy(
  row: Pick<SandboxRow, 'id' | 'proxy_sealed'>,
  secrets: Secrets,
): string | undefined {
  if (row.proxy_sealed === null) return undefined;
  return proxyUrl(proxySchema.parse(JSON.parse(secrets.open(row.proxy_sealed, row.id))));
}

/** Resolves when the browser of a box takes CDP clients. @throws Error when it failed. */
export async function browserReady(boxes: Boxes, row: SandboxRow, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { state, reason } = await boxes.json(row, boxBrowserStateSchema, {
      method: 'GET',
      path: '/browser',
      timeoutMs: STATE_TIMEOUT_MS,
      signal,
    });
    if (state === 'ready') return;
    if (state === 'failed') throw new Error(`The browser did not start: ${reason ?? 'no reason given'}`);
    await sleep(POLL_MS, undefined, { signal });
  }
}
