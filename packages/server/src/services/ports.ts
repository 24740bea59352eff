import { ApiError, randomText, type PortPreview } from '@banata/protocol';
import type { Boxes } from '../boxes/boxes.ts';
import type { PortPreviewRow } from '../database/tables/sandboxes.ts';
import type { PortStore, ReachablePreview } from '../stores/port-store.ts';
import type { Caller } from './access.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';
import { takesWork } from './sandboxes/status.ts';
import type { Secrets } from './secrets.ts';

const MAX_PREVIEWS = 32;
/** 103 bits: a label cannot be guessed, and public previews have no other secret. */
const LABEL_LENGTH = 20;

export interface PortServiceDeps {
  sandboxes: SandboxService;
  boxes: Boxes;
  store: PortStore;
  secrets: Secrets;
  /** URL of the API; previews are on the same scheme and port. */
  publicUrl: () => string;
  previewHost: string;
  /** Called when a preview was taken back, so that its open connections end. */
  onRevoked: (label: string) => void;
  now: () => number;
}

/** Ports of sandboxes under addresses of their own. */
export class PortService {
  readonly #deps: PortServiceDeps;

  constructor(deps: PortServiceDeps) {
    this.#deps = deps;
  }

  async expose(
    caller: Caller,
    id: string,
    options: { port: number; ttlMs: number; public: boolean },
  ): Promise<PortPreview> {
    const { sandboxes, boxes, store, now } = this.#deps;
    const { port, ttlMs } = options;
    const sandbox = await sandboxes.findWorking(caller, id);
    if ((await boxes.endpointOf(sandbox)).port === port) throw new ApiError('PORT_NOT_ALLOWED');
    const createdAt = now();
    const expiresAt = createdAt + ttlMs;
    const row = await store.put(
      {
        label: `${port}-${randomText(LABEL_LENGTH, 'abcdefghijklmnopqrstuvwxyz0123456789')}`,
        sandbox_id: sandbox.id,
        organization_id: sandbox.organization_id,
        port,
        public: options.public,
        expires_at: expiresAt,
        created_at: createdAt,
      },
      MAX_PREVIEWS,
      { type: 'sandbox.port.exposed', data: { port, public: options.public, expiresAt } },
    );
    if (!row) {
      throw new ApiError(
        'CONFLICT',
        `The sandbox has ${MAX_PREVIEWS} port previews, the most allowed. Revoke one with DELETE /v1/sandboxes/ports.`,
      );
    }
    return this.#toPreview(row);
  }

  async list(caller: Caller, id: string): Promise<{ data: PortPreview[] }> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const rows = await this.#deps.store.list(sandbox.id, this.#deps.now());
    return { data: rows.map((row) => this.#toPreview(row)) };
  }

  async revoke(caller: Caller, id: string, port: number): Promise<{ ok: true; revoked: boolean }> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const label = await this.#deps.store.remove(sandbox.id, port, this.#deps.now());
    if (label !== undefined) this.#deps.onRevoked(label);
    return { ok: true, revoked: label !== undefined };
  }

  /** Scheme, host and port of a preview. */
  originOf(label: string): string {
    const { protocol, port } = new URL(this.#deps.publicUrl());
    return `${protocol}//${label}.${this.#deps.previewHost}${port === '' ? '' : `:${port}`}`;
  }

  /** @throws {ApiError} PREVIEW_NOT_FOUND when the label stands for nothing (any more), or its sandbox takes no work. */
  async find(label: string): Promise<ReachablePreview> {
    const [preview] = await this.#deps.store.find([label], this.#deps.now());
    if (!preview || !takesWork(preview.status)) throw new ApiError('PREVIEW_NOT_FOUND');
    return preview;
  }

  /** Those of the labels whose previews are still good. */
  async stillGood(labels: string[]): Promise<Set<string>> {
    if (labels.length === 0) return new Set();
    const previews = await this.#deps.store.find(labels, this.#deps.now());
    return new Set(previews.filter(({ status }) => takesWork(status)).map(({ label }) => label));
  }

  /** Whether a token was given out for this preview and has not expired. */
  accepts(preview: PortPreviewRow, token: string): boolean {
    const claims = this.#deps.secrets.verifyLink(token, this.#deps.now());
    return claims?.purpose === 'port' && claims.key === preview.label;
  }

  #toPreview(row: PortPreviewRow): PortPreview {
    const origin = this.originOf(row.label);
    const claims = { sandboxId: row.sandbox_id, key: row.label, expiresAt: row.expires_at };
    const token = row.public ? null : this.#deps.secrets.signLink({ ...claims, purpose: 'port' });
    return {
      port: row.port,
      url: token === null ? `${origin}/` : `${origin}/?banata_token=${token}`,
      origin,
      public: row.public,
      token,
      expiresAt: row.expires_at,
      createdAt: row.created_at,
    };
  }
}
