import {
  ApiError,
  normalizeCapabilities,
  type previewCommandReplySchema,
  type previewSchema,
  type previewViewSchema,
} from '@banata/protocol';
import {
  boxBrowserStateSchema,
  boxNavigateReplySchema,
  viewportSchema,
  type BoxBrowserState,
  type Viewport,
} from '@banata/protocol/box';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import type { Boxes } from '../boxes/boxes.ts';
import type { SandboxRow } from '../database/schema.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { Caller } from './access.ts';
import type { ActivityService } from './activity.ts';
import type { Links } from './links.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';
import { takesWork } from './sandboxes/status.ts';

const STATE_TIMEOUT_MS = 5_000;
const NAVIGATE_TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 30_000;
const START_POLL_MS = 100;

type Preview = z.input<typeof previewSchema>;
type CommandReply = z.input<typeof previewCommandReplySchema>;
type View = z.input<typeof previewViewSchema>;

export interface BrowserServiceDeps {
  sandboxes: SandboxService;
  store: SandboxStore;
  boxes: Boxes;
  links: Links;
  activity: ActivityService;
  now: () => number;
}

/** The browser of a sandbox: its state, links to it, and simple commands. */
export class BrowserService {
  readonly #deps: BrowserServiceDeps;

  constructor(deps: BrowserServiceDeps) {
    this.#deps = deps;
  }

  async preview(caller: Caller, id: string): Promise<Preview> {
    const row = await this.#withBrowser(caller, id);
    const state = await this.#state(row);
    const { viewerUrl, wsUrl, cdpUrl, expiresAt } = this.#deps.links.forBrowser(row.id);
    return {
      status: state.state === 'off' ? 'starting' : state.state,
      reason: state.reason,
      controlMode: 'shared',
      controller: null,
      viewport: viewportOf(row, state),
      url: state.url,
      title: state.title,
      wsUrl,
      cdpUrl,
      viewerUrl,
      expiresAt,
      updatedAt: this.#deps.now(),
    };
  }

  /** The part of the preview that the viewer page may see, for the holder of a link. */
  async view(sandboxId: string): Promise<View> {
    const row = await this.#deps.store.find(sandboxId);
    if (!row) throw new ApiError('SANDBOX_NOT_FOUND');
    const common = { sandboxStatus: row.status, controlMode: 'shared' as const };
    if (!takesWork(row.status)) {
      const ended = ['ending', 'ended', 'failed'].includes(row.status);
      return {
        ...common,
        status: ended ? 'ended' : 'starting',
        url: null,
        title: null,
        viewport: viewportOf(row, undefined),
      };
    }
    const state = await this.#state(row);
    return {
      ...common,
      status: state.state === 'off' ? 'starting' : state.state,
      url: state.url,
      title: state.title,
      viewport: viewportOf(row, state),
    };
  }

  /** Waits until the browser can be used. @throws {ApiError} BROWSER_NOT_READY. */
  async start(caller: Caller, id: string, signal: AbortSignal): Promise<CommandReply> {
    const row = await this.#working(caller, id);
    const deadline = this.#deps.now() + START_TIMEOUT_MS;
    for (;;) {
      const state = await this.#state(row);
      if (state.state === 'ready') return reply(row, state);
      if (state.state === 'failed')
        throw new ApiError('BROWSER_NOT_READY', `The browser failed: ${state.reason ?? 'unknown reason'}`);
      if (this.#deps.now() > deadline) throw new ApiError('BROWSER_NOT_READY');
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
    }
  }

  async navigate(caller: Caller, id: string, url: string, signal: AbortSignal): Promise<CommandReply> {
    const row = await this.#working(caller, id);
    const page = await this.#deps.boxes.json(row, boxNavigateReplySchema, {
      method: 'POST',
      path: '/browser/navigate',
      json: { url, timeoutMs: NAVIGATE_TIMEOUT_MS },
      timeoutMs: NAVIGATE_TIMEOUT_MS + STATE_TIMEOUT_MS,
      signal,
    });
    return { ok: true, ...page, viewport: viewportOf(row, undefined) };
  }

  async resize(caller: Caller, id: string, size: Partial<Viewport>): Promise<CommandReply> {
    const row = await this.#working(caller, id);
    const current = viewportOf(row, await this.#state(row));
    await this.#deps.boxes.json(row, viewportSchema, {
      method: 'POST',
      path: '/browser/resize',
      json: { width: size.width ?? current.width, height: size.height ?? current.height },
      timeoutMs: 15_000,
    });
    return reply(row, await this.#state(row));
  }

  /** The picture as a stream of bytes. */
  async screenshot(
    caller: Caller,
    id: string,
    format: 'png' | 'jpeg',
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const row = await this.#working(caller, id);
    return this.#deps.boxes.stream(row, {
      method: 'GET',
      path: '/browser/screenshot',
      query: { format },
      timeoutMs: 15_000,
      signal,
    });
  }

  /** For commands, which count as activity; looking does not. */
  async #working(caller: Caller, id: string): Promise<SandboxRow> {
    const row = await this.#withBrowser(caller, id);
    this.#deps.activity.touch(row.paired_with ?? row.id);
    return row;
  }

  async #withBrowser(caller: Caller, id: string): Promise<SandboxRow> {
    const row = await this.#deps.sandboxes.findBrowser(caller, id);
    if (normalizeCapabilities(row.capabilities).browser.mode === 'none')
      throw new ApiError('BROWSER_NOT_ENABLED');
    return row;
  }

  #state(row: SandboxRow): Promise<BoxBrowserState> {
    return this.#deps.boxes.json(row, boxBrowserStateSchema, {
      method: 'GET',
      path: '/browser',
      timeoutMs: STATE_TIMEOUT_MS,
    });
  }
}

function viewportOf(row: SandboxRow, state: BoxBrowserState | undefined): Viewport {
  return state?.viewport ?? normalizeCapabilities(row.capabilities).browser.viewport;
}

function reply(row: SandboxRow, state: BoxBrowserState): CommandReply {
  return { ok: true, url: state.url, title: state.title, viewport: viewportOf(row, state) };
}
