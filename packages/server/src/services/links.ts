import { ApiError, normalizeCapabilities } from '@banata/protocol';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { LinkClaims, Secrets } from './secrets.ts';

/** How long a viewer, CDP or preview link is good: an hour, then ask for a fresh one. */
const SESSION_LINK_MS = 60 * 60 * 1000;
/** How long a download link is good. */
export const DOWNLOAD_LINK_MS = 15 * 60 * 1000;

/** Links to one browser. Those of the live view are null where it is switched off. */
export interface BrowserLinks {
  /** With `humanInLoop` its holder may take control; without, it is for watching. */
  viewerUrl: string | null;
  wsUrl: string | null;
  viewOnlyUrl: string | null;
  viewOnlyWsUrl: string | null;
  cdpUrl: string;
  cdpHttpUrl: string;
  commands: { startUrl: string; navigateUrl: string; resizeUrl: string };
  expiresAt: number;
}

/** Signed URLs for people and programs that hold no API key. */
export class Links {
  readonly #secrets: Secrets;
  readonly #publicUrl: () => string;
  readonly #now: () => number;

  /** @param publicUrl without a slash at its end; known once the server listens. */
  constructor(secrets: Secrets, publicUrl: () => string, now: () => number) {
    this.#secrets = secrets;
    this.#publicUrl = publicUrl;
    this.#now = now;
  }

  /** Links to watch and to drive the browser of a sandbox. */
  forBrowser(
    row: Pick<SandboxRow, 'id' | 'links_epoch' | 'capabilities'>,
    options: { controller?: string | undefined } = {},
  ): BrowserLinks {
    const { streamPreview, humanInLoop } = normalizeCapabilities(row.capabilities).browser;
    const expiresAt = this.#now() + SESSION_LINK_MS;
    const common = { sandboxId: row.id, expiresAt, epoch: row.links_epoch };
    const { controller } = options;
    const person = controller === undefined ? {} : { key: controller };
    const watch = this.#secrets.signLink({ ...common, purpose: 'view' });
    const drive = humanInLoop ? this.#secrets.signLink({ ...common, ...person, purpose: 'drive' }) : watch;
    const cdp = this.#secrets.signLink({ ...common, purpose: 'cdp' });
    const origin = this.#publicUrl();
    const socketOrigin = origin.replace(/^http/, 'ws');
    const query = (token: string): string => `?session=${row.id}&token=${token}`;
    const command = (name: string): string =>
      `${origin}/v1/sandboxes/browser-preview/link/${name}${query(cdp)}`;
    const page = (token: string): string | null => (streamPreview ? `${origin}/view${query(token)}` : null);
    const socket = (token: string): string | null =>
      streamPreview ? `${socketOrigin}/v1/sandboxes/vnc${query(token)}` : null;
    return {
      viewerUrl: page(drive),
      wsUrl: socket(drive),
      viewOnlyUrl: page(watch),
      viewOnlyWsUrl: socket(watch),
      cdpUrl: `${socketOrigin}/v1/sandboxes/cdp?token=${cdp}`,
      cdpHttpUrl: `${origin}/v1/sandboxes/cdp?token=${cdp}`,
      commands: {
        startUrl: command('start'),
        navigateUrl: command('navigate'),
        resizeUrl: command('resize'),
      },
      expiresAt,
    };
  }

  /** Page on which its bearer accepts and completes one request for a person. Good for a day at most. */
  forHandoff(
    sandbox: Pick<SandboxRow, 'id' | 'links_epoch'>,
    handoff: { id: string; expires_at: number },
  ): string {
    // One who accepts at the last moment works beyond the deadline.
    const expiresAt = Math.max(handoff.expires_at, this.#now()) + SESSION_LINK_MS;
    const claims = { sandboxId: sandbox.id, purpose: 'handoff', key: handoff.id, expiresAt } as const;
    const token = this.#secrets.signLink({ ...claims, epoch: sandbox.links_epoch });
    return `${this.#publicUrl()}/view?session=${sandbox.id}&handoff=${handoff.id}&token=${token}`;
  }

  /** Token for the live view on the page of a request: it drives for a person, and shows the picture to others. */
  forScreen(sandbox: Pick<SandboxRow, 'id' | 'links_epoch'>, person: string | null): string {
    const common = {
      sandboxId: sandbox.id,
      expiresAt: this.#now() + SESSION_LINK_MS,
      epoch: sandbox.links_epoch,
    };
    return this.#secrets.signLink(
      person === null ? { ...common, purpose: 'view' } : { ...common, purpose: 'drive', key: person },
    );
  }

  /** WebSocket address of the browser behind a CDP link, with the link's own token. */
  cdpSocket(token: string): string {
    return `${this.#publicUrl().replace(/^http/, 'ws')}/v1/sandboxes/cdp?token=${encodeURIComponent(token)}`;
  }

  forArtifact(sandboxId: string, key: string): { url: string; expiresAt: number } {
    const expiresAt = this.#now() + DOWNLOAD_LINK_MS;
    const token = this.#secrets.signLink({ sandboxId, purpose: 'artifact', key, expiresAt });
    return { url: `${this.#publicUrl()}/v1/artifacts/content?token=${token}`, expiresAt };
  }

  /** To download the file, or to upload it with PUT. */
  forFile(
    sandboxId: string,
    file: { path: string; operation: 'read' | 'write'; expiresInMs: number; maxBytes?: number | undefined },
  ): { url: string; expiresAt: number } {
    const expiresAt = this.#now() + file.expiresInMs;
    const token = this.#secrets.signLink({
      sandboxId,
      purpose: `file-${file.operation}`,
      key: file.path,
      expiresAt,
      ...(file.maxBytes === undefined ? {} : { maxBytes: file.maxBytes }),
    });
    return { url: `${this.#publicUrl()}/v1/files/content?token=${token}`, expiresAt };
  }

  /** WebSocket address of a terminal: of the named session, or of any session of the sandbox. */
  forTerminal(sandboxId: string, terminalId?: string): { url: string; expiresAt: number } {
    const expiresAt = this.#now() + SESSION_LINK_MS;
    const key = terminalId === undefined ? {} : { key: terminalId };
    const token = this.#secrets.signLink({ sandboxId, purpose: 'terminal', expiresAt, ...key });
    const socketBase = this.#publicUrl().replace(/^http/, 'ws');
    const session = terminalId === undefined ? '' : `&terminalId=${terminalId}`;
    return { url: `${socketBase}/v1/sandboxes/terminal?token=${token}${session}`, expiresAt };
  }

  /** @throws {ApiError} LINK_INVALID when the token is not ours, has expired, or is for something else. */
  verify(token: string | null, ...purposes: LinkClaims['purpose'][]): LinkClaims {
    const claims = token === null ? undefined : this.#secrets.verifyLink(token, this.#now());
    if (!claims || !purposes.includes(claims.purpose)) throw new ApiError('LINK_INVALID');
    return claims;
  }
}
