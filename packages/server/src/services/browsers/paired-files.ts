import { ApiError, newId } from '@banata/protocol';
import {
  boxFileHeadSchema,
  boxWriteReplySchema,
  type BoxEvent,
  type BoxEventBody,
} from '@banata/protocol/box';
import { posix } from 'node:path';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import { toApiError } from '../failures.ts';
import { requireWorking } from '../sandboxes/sandbox-service.ts';
import { isFinal } from '../sandboxes/status.ts';
import { StallWatch } from '../stall-watch.ts';

const CALL_TIMEOUT_MS = 30_000;
/** A download is brought over within this time, or stays in the browser's box. */
const BRING_TIMEOUT_MS = 5 * 60_000;
/** Largest file that is brought to a sandbox, or given to its browser: 2 GiB. */
const MAX_FILE_BYTES = 2 * 1024 ** 3;
const DOWNLOADS = '/workspace/downloads';
/** Where files of the sandbox lie in the browser's box. */
const GIVEN = '/workspace/given';
const MAX_SAME_NAMES = 100;
/** Chromium's account is another one than that of file routes. */
const READABLE = '644';

type Download = Extract<BoxEventBody, { type: 'browser.download' }>;
interface Place {
  row: SandboxRow;
  path: string;
}

export interface PairedFilesDeps {
  store: SandboxStore;
  boxes: Boxes;
  logger: Logger;
}

/** Carries files between a sandbox and the browser that is paired with it: two boxes that have nothing in common. */
export class PairedFiles {
  readonly #deps: PairedFilesDeps;

  constructor(deps: PairedFilesDeps) {
    this.#deps = deps;
  }

  /**
   * Brings the downloads that a journal tells of to the sandbox, one after the other.
   * @throws {ApiError} SANDBOX_NOT_READY, SANDBOX_INTERRUPTED while the sandbox is paused or put back.
   */
  async bringAll(browser: SandboxRow, entries: BoxEvent[]): Promise<BoxEvent[]> {
    if (browser.paired_with === null) return entries;
    const brought: BoxEvent[] = [];
    for (const entry of entries) {
      const { body } = entry;
      brought.push(
        body.type === 'browser.download' ? { ...entry, body: await this.#bring(browser, body) } : entry,
      );
    }
    return brought;
  }

  /** Puts files of a sandbox where its browser can read them. @returns their paths there. @throws {ApiError} */
  async give(
    owner: SandboxRow,
    browser: SandboxRow,
    paths: string[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const given: string[] = [];
    for (const path of paths) {
      // A folder each, since the page sees the names.
      const target = posix.join(GIVEN, newId(), posix.basename(path));
      await this.#copy({ row: owner, path }, { row: browser, path: target }, signal);
      given.push(target);
    }
    return given;
  }

  /**
   * Brings a download to the sandbox's downloads.
   * @returns it as the sandbox sees it; `path` null where it stayed behind.
   */
  async #bring(browser: SandboxRow, download: Download): Promise<Download> {
    const { store, logger } = this.#deps;
    const { path } = download.data;
    const owner = browser.paired_with === null ? undefined : await store.find(browser.paired_with);
    if (path === null || !owner || isFinal(owner.status) || owner.status === 'ending')
      return { ...download, data: { ...download.data, path: null } };
    // It is told again once the sandbox goes on.
    requireWorking(owner);
    try {
      const signal = AbortSignal.timeout(BRING_TIMEOUT_MS);
      const target = await this.#freePath(owner, posix.basename(path), signal);
      await this.#copy({ row: browser, path }, { row: owner, path: target }, signal);
      return { ...download, data: { ...download.data, fileName: posix.basename(target), path: target } };
    } catch (error) {
      if (toApiError(error).code === 'SANDBOX_INTERRUPTED') throw error;
      logger.warn({ event: 'download.not-brought', sandboxId: owner.id, err: error }, 'a download stayed');
      return { ...download, data: { ...download.data, path: null } };
    }
  }

  async #copy(from: Place, to: Place, signal: AbortSignal): Promise<void> {
    const { boxes } = this.#deps;
    const body = await boxes.transfer(from.row, {
      method: 'GET',
      path: '/files/read',
      query: { path: from.path },
      timeoutMs: CALL_TIMEOUT_MS,
      signal,
    });
    using stall = new StallWatch(body);
    try {
      const length = body.headers['content-length'];
      await boxes.transferJson(to.row, boxWriteReplySchema, {
        method: 'PUT',
        path: '/files/write',
        query: { path: to.path, mode: READABLE, maxBytes: String(MAX_FILE_BYTES) },
        body,
        headers: {
          'content-type': 'application/octet-stream',
          ...(length === undefined ? {} : { 'content-length': length }),
        },
        timeoutMs: 0,
        signal: AbortSignal.any([signal, stall.signal]),
      });
    } finally {
      body.destroy();
    }
  }

  /** A path among the downloads at which nothing lies: what the sandbox has stays. */
  async #freePath(owner: SandboxRow, name: string, signal: AbortSignal): Promise<string> {
    const { name: stem, ext } = posix.parse(name);
    for (let number = 0; number < MAX_SAME_NAMES; number += 1) {
      const path = posix.join(DOWNLOADS, number === 0 ? name : `${stem} (${number})${ext}`);
      if (!(await this.#exists(owner, path, signal))) return path;
    }
    throw new ApiError(
      'CONFLICT',
      `The sandbox has ${MAX_SAME_NAMES} downloads of the name ${name} already.`,
    );
  }

  async #exists(row: SandboxRow, path: string, signal: AbortSignal): Promise<boolean> {
    const call = { method: 'GET', path: '/files/head', query: { path }, timeoutMs: CALL_TIMEOUT_MS } as const;
    return this.#deps.boxes.json(row, boxFileHeadSchema, { ...call, signal }).then(
      () => true,
      (error: unknown) => {
        if (toApiError(error).code === 'FILE_NOT_FOUND') return false;
        throw error;
      },
    );
  }
}
