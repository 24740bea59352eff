import { ApiError, normalizeCapabilities, type BrowserProfile } from '@banata/protocol';
import { z } from 'zod';
import type { Boxes } from '../../boxes/boxes.ts';
import type { BrowserProfileRow, SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { Tx } from '../../stores/event-store.ts';
import { PROFILE_TYPE, type ProfileStore, type ProfileUse } from '../../stores/profile-store.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { TransferStore } from '../../stores/transfer-store.ts';
import type { Caller } from '../access.ts';
import type { ActivityService } from '../activity.ts';
import type { Staging } from '../artifacts/staging.ts';
import { ownerOf } from '../browsers/owner-of.ts';
import { toApiError } from '../failures.ts';
import type { SandboxService } from '../sandboxes/sandbox-service.ts';

/** Largest profile, packed: 1 GiB. */
const MAX_PROFILE_BYTES = 1024 ** 3;
/** Ending the browser and packing. */
const SAVE_TIMEOUT_MS = 90_000;
const LOAD_TIMEOUT_MS = 55_000;
const okSchema = z.object({ ok: z.literal(true) });

export interface ProfileServiceDeps {
  sandboxes: Pick<SandboxService, 'findBrowser'>;
  profiles: ProfileStore;
  store: SandboxStore;
  boxes: Boxes;
  activity: ActivityService;
  staging: Staging;
  transfers: Pick<TransferStore, 'has'>;
  /** Told when there may be something to carry to the object store. */
  onTransfer: () => void;
  logger: Logger;
  now: () => number;
}

/** Browser profiles that outlive sandboxes. */
export class ProfileService {
  readonly #deps: ProfileServiceDeps;

  constructor(deps: ProfileServiceDeps) {
    this.#deps = deps;
  }

  async list({ organizationId }: Caller): Promise<{ data: BrowserProfile[] }> {
    const rows = await this.#deps.profiles.list(organizationId);
    return { data: rows.map((row) => toProfile(row, row.used_by)) };
  }

  /** @throws {ApiError} PROFILE_IN_USE. */
  async delete({ organizationId }: Caller, key: string): Promise<{ ok: true; deleted: boolean }> {
    return { ok: true, deleted: await this.#deps.profiles.remove(organizationId, key, this.#deps.now()) };
  }

  /** Saves the profile of a sandbox whose browser goes on. @throws {ApiError} PROFILE_NOT_FOUND where it keeps none. */
  async save(caller: Caller, id: string, signal: AbortSignal): Promise<BrowserProfile> {
    const row = await this.#deps.sandboxes.findBrowser(caller, id);
    const use = useOf(row);
    if (!use) throw new ApiError('PROFILE_NOT_FOUND');
    const done = this.#deps.activity.begin(ownerOf(row));
    try {
      return toProfile(await this.#keep(row, use, { close: false, signal }), use.sandboxId);
    } finally {
      done();
    }
  }

  /** Puts the kept profile into a new box, before its browser starts. @throws {ApiError} */
  async load(row: SandboxRow, signal: AbortSignal): Promise<void> {
    const { profiles, staging, transfers, boxes } = this.#deps;
    const use = runsBrowser(row) ? useOf(row) : undefined;
    const kept = use && (await profiles.find(use.organizationId, use.key));
    if (!kept || kept.object_key === null) return;
    const waits = await transfers.has(kept.object_key, 'upload');
    const body = await staging.open({ object_key: kept.object_key, state: waits ? 'pending' : 'stored' });
    await boxes.json(row, okSchema, {
      method: 'PUT',
      path: '/browser/profile',
      body,
      headers: { 'content-type': PROFILE_TYPE, 'content-length': String(kept.size) },
      timeoutMs: LOAD_TIMEOUT_MS,
      signal,
    });
  }

  /** Ends the browser of a sandbox that ends, and keeps its profile. A failure is told by an event. */
  async keepLast(row: SandboxRow, signal: AbortSignal): Promise<void> {
    const use = useOf(row);
    if (!use) return;
    try {
      await this.#keep(row, use, { close: true, signal });
    } catch (error) {
      this.#deps.logger.warn(
        { event: 'profile.not-kept', sandboxId: row.id, err: error },
        'a profile was not kept',
      );
      await this.tellLost(row, toApiError(error).message);
    }
  }

  /** Tells by an event that the profile of a sandbox could not be kept, where it was to be. */
  async tellLost(row: SandboxRow, reason: string): Promise<void> {
    const use = useOf(row);
    if (!use) return;
    const event = { type: 'sandbox.profile.failed' as const, data: { profileKey: use.key, reason } };
    const now = this.#deps.now();
    await this.#deps.store.update(row.id, { last_activity_at: now }, [event], now);
  }

  async #keep(
    row: SandboxRow,
    use: ProfileUse,
    { close, signal }: { close: boolean; signal: AbortSignal },
  ): Promise<BrowserProfileRow> {
    const { boxes, staging, profiles, store, onTransfer, now } = this.#deps;
    const { body, headers } = await boxes.stream(row, {
      method: 'GET',
      path: '/browser/profile',
      query: { close: String(close) },
      timeoutMs: SAVE_TIMEOUT_MS,
      signal,
    });
    try {
      const size = Number(headers['content-length'] ?? Number.NaN);
      if (!Number.isSafeInteger(size))
        throw new ApiError('SANDBOX_UNREACHABLE', 'The sandbox did not say how large its profile is.');
      const staged = await staging.take(body, {
        size,
        maxBytes: MAX_PROFILE_BYTES,
        tooLong: () =>
          new ApiError(
            'PAYLOAD_TOO_LARGE',
            `The browser profile takes more than the ${MAX_PROFILE_BYTES} bytes it may have.`,
          ),
        folder: `profiles/${row.organization_id}`,
        signal,
      });
      const kept = await profiles.replace(use, staged, now());
      onTransfer();
      if (!kept) throw new ApiError('CONFLICT', 'The browser profile is not of this sandbox any more.');
      const event = { type: 'sandbox.profile.saved' as const, data: { profileKey: use.key, size } };
      await store.update(row.id, { last_activity_at: now() }, [event], now());
      return kept;
    } catch (error) {
      body.destroy();
      throw error;
    }
  }
}

/** Takes the profile that a new sandbox asks for, in the transaction that makes it. @throws {ApiError} PROFILE_IN_USE. */
export async function takeProfile(
  tx: Tx,
  profiles: ProfileStore,
  { row, now }: { row: Parameters<typeof useOf>[0]; now: number },
): Promise<void> {
  const use = useOf(row);
  if (use) await profiles.take(tx, use, now);
}

/** Whether the browser is in the box of this row; that of a paired one is in another's. */
function runsBrowser({ capabilities }: SandboxRow): boolean {
  return normalizeCapabilities(capabilities).browser.mode === 'local-chromium';
}

function useOf(
  row: Pick<SandboxRow, 'id' | 'organization_id' | 'capabilities' | 'paired_with'>,
): ProfileUse | undefined {
  const { browser } = normalizeCapabilities(row.capabilities);
  if (!browser.persistentProfile) return undefined;
  return { organizationId: row.organization_id, key: browser.profileKey, sandboxId: ownerOf(row) };
}

function toProfile(row: BrowserProfileRow, inUseBy: string | null): BrowserProfile {
  return {
    profileKey: row.key,
    size: row.size,
    savedAt: row.saved_at,
    createdAt: row.created_at,
    inUseBy,
  };
}
