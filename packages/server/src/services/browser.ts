import {
  ApiError,
  normalizeCapabilities,
  type Handoff,
  type computerReplySchema,
  type previewCommandReplySchema,
  type previewSchema,
  type previewViewSchema,
} from '@banata/protocol';
import {
  boxBrowserStateSchema,
  boxCursorSchema,
  boxNavigateReplySchema,
  boxGivenFilesSchema,
  viewportSchema,
  type BoxBrowserState,
  type BoxComputerAction,
  type Viewport,
} from '@banata/protocol/box';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Boxes } from '../boxes/boxes.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import { controlOf } from '../stores/control-store.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { Caller } from './access.ts';
import type { ActivityService } from './activity.ts';
import { ownerOf } from './browsers/owner-of.ts';
import type { PairedFiles } from './browsers/paired-files.ts';
import type { SessionArtifacts } from './browsers/session-artifacts.ts';
import { controlAt, maySteer } from './control/control.ts';
import {
  controlView,
  humanInLoop,
  requireAutomation,
  type ControlService,
} from './control/control-service.ts';
import type { Links } from './links.ts';
import { requireWorking, type SandboxService } from './sandboxes/sandbox-service.ts';
import type { LinkClaims } from './secrets.ts';
import { toHandoff } from './handoff/handoff-view.ts';
import type { HandoffStore } from '../stores/handoff-store.ts';
import { takesWork } from './sandboxes/status.ts';

const STATE_TIMEOUT_MS = 5_000;
const NAVIGATE_TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 30_000;
const START_POLL_MS = 100;
const CHOOSER_TIMEOUT_MS = 30_000;
/** Typing the longest text with pauses takes long. */
const ACT_TIMEOUT_MS = 60_000;
/** The box waits for its browser for ten seconds. */
const DESCRIBE_TIMEOUT_MS = 15_000;

const cdpVersionSchema = z.looseObject({ webSocketDebuggerUrl: z.string() });
const cdpPageSchema = z.looseObject({
  id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  webSocketDebuggerUrl: z.string(),
});

type Preview = z.input<typeof previewSchema>;
type CommandReply = z.input<typeof previewCommandReplySchema>;
type View = z.input<typeof previewViewSchema>;
type ComputerReply = z.input<typeof computerReplySchema>;
type Size = { width?: number | undefined; height?: number | undefined };

/** A browser, as a caller with a key names it or as a link does. */
export type BrowserTarget =
  | { caller: Caller; id: string; controller?: string | undefined }
  | { row: SandboxRow };

export interface BrowserServiceDeps {
  sandboxes: SandboxService;
  store: Pick<SandboxStore, 'find'>;
  pairedFiles: Pick<PairedFiles, 'give'>;
  boxes: Boxes;
  links: Links;
  activity: ActivityService;
  control: Pick<ControlService, 'tell' | 'settle'>;
  handoffs: Pick<HandoffStore, 'findOpen'>;
  sessionArtifacts: Pick<SessionArtifacts, 'withPicture'>;
  now: () => number;
}

/** The browser of a sandbox: its state, links to it, and simple commands. */
export class BrowserService {
  readonly #deps: BrowserServiceDeps;

  constructor(deps: BrowserServiceDeps) {
    this.#deps = deps;
  }

  /** @param controller the links act for this person. */
  async preview(caller: Caller, id: string, controller?: string): Promise<Preview> {
    const row = await this.#deps.control.settle(await this.#withBrowser(caller, id));
    const state = await this.#state(row);
    const { wsUrl, commands, expiresAt, ...links } = this.#deps.links.forBrowser(row, { controller });
    return {
      status: state.state === 'off' ? 'starting' : state.state,
      reason: state.reason,
      ...controlView(controlAt(controlOf(row), this.#deps.now())),
      humanInLoop: humanInLoop(row),
      handoff: await this.#handoff(row),
      viewport: viewportOf(row, state),
      url: state.url,
      title: state.title,
      ...links,
      wsUrl,
      connection: wsUrl === null ? null : { ...rawConnection(row, wsUrl), ...commands, expiresAt },
      expiresAt,
      updatedAt: this.#deps.now(),
    };
  }

  /** The part of the preview that the viewer page may see, for the holder of a link. */
  async view({ row, claims }: { row: SandboxRow; claims: LinkClaims }, viewer: string): Promise<View> {
    const now = this.#deps.now();
    const control = controlAt(controlOf(row), now);
    const drives = claims.purpose === 'drive';
    const common = {
      sandboxStatus: row.status,
      ...controlView(control),
      mayControl: drives && humanInLoop(row),
      inControl: drives && maySteer(control, { controller: claims.key ?? null, viewer }, now),
      handoff: await this.#handoff(row),
      now,
    };
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
  async start(to: BrowserTarget, signal: AbortSignal): Promise<CommandReply> {
    const row = await this.#working(to);
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

  /** @throws {ApiError} CONTROL_HELD_BY_HUMAN, NAVIGATION_FAILED. */
  async navigate(to: BrowserTarget, url: string, signal: AbortSignal): Promise<CommandReply> {
    const row = await this.#driving(to);
    const page = await this.#deps.boxes.json(row, boxNavigateReplySchema, {
      method: 'POST',
      path: '/browser/navigate',
      json: { url, timeoutMs: NAVIGATE_TIMEOUT_MS },
      timeoutMs: NAVIGATE_TIMEOUT_MS + STATE_TIMEOUT_MS,
      signal,
    });
    return { ok: true, ...page, viewport: viewportOf(row, undefined) };
  }

  /** @throws {ApiError} CONTROL_HELD_BY_HUMAN. */
  async resize(to: BrowserTarget, size: Size): Promise<CommandReply> {
    const row = await this.#driving(to);
    const current = viewportOf(row, await this.#state(row));
    await this.#deps.boxes.json(row, viewportSchema, {
      method: 'POST',
      path: '/browser/resize',
      json: { width: size.width ?? current.width, height: size.height ?? current.height },
      timeoutMs: 15_000,
    });
    return reply(row, await this.#state(row));
  }

  /** Gives files of the workspace to the page. @throws {ApiError} FILE_CHOOSER_NOT_OPEN, FILE_NOT_FOUND. */
  async giveFiles(
    to: BrowserTarget,
    input: { paths: string[]; selector?: string | undefined; timeoutMs?: number | undefined },
    signal: AbortSignal,
  ): Promise<{ ok: true; files: number }> {
    const row = await this.#driving(to);
    const paths = await this.#pathsAt(row, input.paths, signal);
    const timeoutMs = input.timeoutMs ?? CHOOSER_TIMEOUT_MS;
    const { files } = await this.#deps.boxes.json(row, boxGivenFilesSchema, {
      method: 'POST',
      path: '/browser/files',
      json: { paths, selector: input.selector ?? null, timeoutMs },
      timeoutMs: timeoutMs + STATE_TIMEOUT_MS,
      signal,
    });
    return { ok: true, files };
  }

  /** Where files of the workspace lie in the box of the browser. */
  async #pathsAt(row: SandboxRow, paths: string[], signal: AbortSignal): Promise<string[]> {
    if (row.kind === 'sandbox') return paths;
    const owner = row.paired_with === null ? undefined : await this.#deps.store.find(row.paired_with);
    if (!owner) {
      throw new ApiError(
        'NOT_SUPPORTED',
        'A browser session has no workspace. Give the page its files by CDP, or use the browser of a sandbox.',
      );
    }
    return this.#deps.pairedFiles.give(requireWorking(owner), row, paths, signal);
  }

  /** One act of keyboard and mouse on the desktop. @throws {ApiError} CONTROL_HELD_BY_HUMAN. */
  async act(caller: Caller, id: string, action: BoxComputerAction): Promise<ComputerReply> {
    const row = await this.#driving({ caller, id });
    const cursor = await this.#deps.boxes.json(row, boxCursorSchema, {
      method: 'POST',
      path: '/browser/computer',
      json: action,
      timeoutMs: ACT_TIMEOUT_MS,
    });
    return { ok: true, cursor };
  }

  async cursor(caller: Caller, id: string): Promise<ComputerReply> {
    const row = await this.#withBrowser(caller, id);
    const call = { method: 'GET', path: '/browser/computer/cursor', timeoutMs: STATE_TIMEOUT_MS } as const;
    return { ok: true, cursor: await this.#deps.boxes.json(row, boxCursorSchema, call) };
  }

  /** `/json/version` of the browser, with a WebSocket URL that goes through this server. */
  async describeVersion(row: SandboxRow, token: string): Promise<z.output<typeof cdpVersionSchema>> {
    const version = await this.#describe(row, 'version', cdpVersionSchema);
    return { ...version, webSocketDebuggerUrl: this.#deps.links.cdpSocket(token) };
  }

  /** `/json/list` of the browser: each page with a URL that speaks to it alone. */
  async describePages(row: SandboxRow, token: string): Promise<z.output<typeof cdpPageSchema>[]> {
    const pages = await this.#describe(row, 'list', z.array(cdpPageSchema));
    const socket = this.#deps.links.cdpSocket(token);
    return pages.map((page) => ({ ...page, webSocketDebuggerUrl: `${socket}&targetId=${page.id}` }));
  }

  #describe<T extends z.ZodType>(row: SandboxRow, what: string, schema: T): Promise<z.output<T>> {
    return this.#deps.boxes.json(requireWorking(row), schema, {
      method: 'GET',
      path: `/browser/json/${what}`,
      timeoutMs: DESCRIBE_TIMEOUT_MS,
    });
  }

  /** The picture of the page in front, or of the whole desktop, as a stream of bytes. */
  async screenshot(
    { caller, id }: { caller: Caller; id: string },
    { what, format }: { what: 'page' | 'desktop'; format: 'png' | 'jpeg' },
    signal: AbortSignal,
  ): Promise<Readable> {
    const row = await this.#working({ caller, id });
    const { body } = await this.#deps.boxes.stream(row, {
      method: 'GET',
      path: what === 'page' ? '/browser/screenshot' : '/browser/computer/screenshot',
      query: { format },
      timeoutMs: 15_000,
      signal,
    });
    return this.#deps.sessionArtifacts.withPicture(row, format, body);
  }

  /** For what drives the browser. @throws {ApiError} CONTROL_HELD_BY_HUMAN. */
  async #driving(to: BrowserTarget): Promise<SandboxRow> {
    const row = await this.#deps.control.settle(await this.#working(to));
    requireAutomation(row, this.#deps.now(), 'controller' in to ? to.controller : undefined);
    return row;
  }

  /** For commands, which count as activity; looking does not. */
  async #working(to: BrowserTarget): Promise<SandboxRow> {
    const row =
      'row' in to ? requireBrowser(requireWorking(to.row)) : await this.#withBrowser(to.caller, to.id);
    this.#deps.activity.touch(ownerOf(row));
    return row;
  }

  async #withBrowser(caller: Caller, id: string): Promise<SandboxRow> {
    return requireBrowser(await this.#deps.sandboxes.findBrowser(caller, id));
  }

  /** The request for a person that is under way, without what only the agent is told. */
  async #handoff(row: SandboxRow): Promise<Handoff | null> {
    const open = await this.#deps.handoffs.findOpen(ownerOf(row));
    if (!open) return null;
    const { resumePrompt: _, ...handoff } = toHandoff(open);
    return handoff;
  }

  async #state(row: SandboxRow): Promise<BoxBrowserState> {
    const state = await this.#deps.boxes.json(row, boxBrowserStateSchema, {
      method: 'GET',
      path: '/browser',
      timeoutMs: STATE_TIMEOUT_MS,
    });
    // A box that was set back to an older state has an older control too.
    if (state.control && state.control.epoch !== row.control_epoch) await this.#deps.control.tell(row);
    return state;
  }
}

/** The live view in the parts that programs without the SDK's helpers ask for. */
function rawConnection(
  { id }: SandboxRow,
  wsUrl: string,
): { rawUrl: string; token: string; sessionId: string; wsUrl: string } {
  const token = new URL(wsUrl).searchParams.get('token') ?? '';
  return { rawUrl: wsUrl, token, sessionId: id, wsUrl };
}

function requireBrowser(row: SandboxRow): SandboxRow {
  if (normalizeCapabilities(row.capabilities).browser.mode === 'none')
    throw new ApiError('BROWSER_NOT_ENABLED');
  return row;
}

function viewportOf(row: SandboxRow, state: BoxBrowserState | undefined): Viewport {
  return state?.viewport ?? normalizeCapabilities(row.capabilities).browser.viewport;
}

function reply(row: SandboxRow, state: BoxBrowserState): CommandReply {
  return { ok: true, url: state.url, title: state.title, viewport: viewportOf(row, state) };
}
