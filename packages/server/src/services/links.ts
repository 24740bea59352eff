import { ApiError } from '@banata/protocol';
import type { LinkClaims, Secrets } from './secrets.ts';

/** How long a viewer, CDP or preview link is good: an hour, then ask for a fresh one. */
const SESSION_LINK_MS = 60 * 60 * 1000;
/** How long a download link is good. */
export const DOWNLOAD_LINK_MS = 15 * 60 * 1000;

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
  forBrowser(sandboxId: string): { viewerUrl: string; wsUrl: string; cdpUrl: string; expiresAt: number } {
    const expiresAt = this.#now() + SESSION_LINK_MS;
    const view = this.#secrets.signLink({ sandboxId, purpose: 'view', expiresAt });
    const cdp = this.#secrets.signLink({ sandboxId, purpose: 'cdp', expiresAt });
    const socketBase = this.#publicUrl().replace(/^http/, 'ws');
    return {
      viewerUrl: `${this.#publicUrl()}/view?session=${sandboxId}&token=${view}`,
      wsUrl: `${socketBase}/v1/sandboxes/vnc?session=${sandboxId}&token=${view}`,
      cdpUrl: `${socketBase}/v1/sandboxes/cdp?token=${cdp}`,
      expiresAt,
    };
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
  verify(token: string | null, purpose: LinkClaims['purpose']): LinkClaims {
    const claims = token === null ? undefined : this.#secrets.verifyLink(token, this.#now());
    if (claims?.purpose !== purpose) throw new ApiError('LINK_INVALID');
    return claims;
  }
}
