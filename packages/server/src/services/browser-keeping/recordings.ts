import {
  ApiError,
  newId,
  normalizeCapabilities,
  withRecordingDefaults,
  type KeptRecording,
  type Recording,
} from '@banata/protocol';
import { boxRecordingSchema, boxRecordingsSchema, type BoxRecording } from '@banata/protocol/box';
import { z } from 'zod';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import { storableText } from '../../stores/text.ts';
import type { Caller } from '../access.ts';
import type { ActivityService } from '../activity.ts';
import type { ArtifactService } from '../artifacts.ts';
import type { Background } from '../background.ts';
import { ownerOf } from '../browsers/owner-of.ts';
import { toApiError } from '../failures.ts';
import type { PlanGate } from '../plans/plan-gate.ts';
import type { PlanService } from '../plans/plan-service.ts';
import type { SandboxService } from '../sandboxes/sandbox-service.ts';

const CALL_TIMEOUT_MS = 10_000;
/** The box joins the segments of the film. */
const STOP_TIMEOUT_MS = 130_000;
const CONTENT_TIMEOUT_MS = 30_000;
const KEEP_TIMEOUT_MS = 10 * 60_000;
const MAX_REASON_LENGTH = 500;
const okSchema = z.object({ ok: z.literal(true) });

export interface RecordingServiceDeps {
  sandboxes: Pick<SandboxService, 'findBrowser'>;
  store: SandboxStore;
  boxes: Boxes;
  activity: ActivityService;
  artifacts: Pick<ArtifactService, 'publishStream'>;
  plans: PlanService;
  planGate: PlanGate;
  background: Background;
  logger: Logger;
  now: () => number;
}

/** Films of the browser: the box makes them, and they become artifacts. */
export class RecordingService {
  readonly #deps: RecordingServiceDeps;
  /** Films of one sandbox are kept one after the other, so that none is kept twice. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(deps: RecordingServiceDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} CONFLICT when one is running, PLAN_FEATURE_UNAVAILABLE, BROWSER_NOT_ENABLED. */
  async start(
    caller: Caller,
    { id, ...asked }: { id: string; frameRate?: number | undefined; bitrateKbps?: number | undefined },
  ): Promise<Recording> {
    const { activity, plans, planGate, boxes } = this.#deps;
    const row = await this.#withBrowser(caller, id);
    const capabilities = normalizeCapabilities(row.capabilities);
    const recorded = { ...capabilities, browser: { ...capabilities.browser, recording: true } };
    planGate.requireFeatures(await plans.of(row.organization_id), recorded);
    activity.touch(ownerOf(row));
    // Somebody is to hear of its end now.
    if (!row.followed) await this.#deps.store.update(row.id, { followed: true }, [], this.#deps.now());
    const json = { recordingId: newId(), ...withRecordingDefaults(asked) };
    const call = { method: 'POST', path: '/browser/recordings/start', json } as const;
    return toRecording(await boxes.json(row, boxRecordingSchema, { ...call, timeoutMs: CALL_TIMEOUT_MS }));
  }

  /** @throws {ApiError} RECORDING_NOT_FOUND, and what publishing throws: the film stays in the box then. */
  async stop(
    caller: Caller,
    { id, recordingId }: { id: string; recordingId?: string | undefined },
    signal: AbortSignal,
  ): Promise<KeptRecording> {
    const row = await this.#withBrowser(caller, id);
    this.#deps.activity.touch(ownerOf(row));
    return this.#inTurn(row.id, async () => {
      const present = await this.#list(row);
      const wanted =
        recordingId === undefined
          ? (present.find(({ state }) => state === 'recording') ?? present.at(-1))
          : present.find((recording) => recording.recordingId === recordingId);
      if (!wanted) throw new ApiError('RECORDING_NOT_FOUND');
      return this.#keep(row, wanted.recordingId, signal);
    });
  }

  async list(caller: Caller, id: string): Promise<{ data: Recording[] }> {
    return { data: (await this.#list(await this.#withBrowser(caller, id))).map(toRecording) };
  }

  /** Keeps a film that ended by itself, in the background. */
  take(row: SandboxRow): void {
    this.#deps.background.run('keep-recordings', (signal) =>
      this.#inTurn(row.id, async () => {
        for (const { recordingId, state } of await this.#list(row))
          if (state === 'stopped') await this.#keep(row, recordingId, signal);
      }),
    );
  }

  /** Ends and keeps everything that a sandbox has recorded, before its box goes. What cannot be kept is told by its event. */
  async keepAll(row: SandboxRow, signal: AbortSignal): Promise<void> {
    await this.#inTurn(row.id, async () => {
      for (const { recordingId, startedAt } of await this.#list(row)) {
        await this.#keep(row, recordingId, signal).catch(async (error: unknown) => {
          this.#deps.logger.warn(
            { event: 'recording.not-kept', sandboxId: row.id, err: error },
            'a recording could not be kept',
          );
          const durationMs = Math.max(0, this.#deps.now() - startedAt);
          await this.#tell(row, { recordingId, durationMs, artifactKey: null }, toApiError(error).message);
        });
      }
    });
  }

  async #keep(row: SandboxRow, recordingId: string, outer: AbortSignal): Promise<KeptRecording> {
    const { boxes, artifacts } = this.#deps;
    const signal = AbortSignal.any([outer, AbortSignal.timeout(KEEP_TIMEOUT_MS)]);
    const done = await boxes.json(row, boxRecordingSchema, {
      method: 'POST',
      path: '/browser/recordings/stop',
      json: { recordingId },
      timeoutMs: STOP_TIMEOUT_MS,
      signal,
    });
    const { body, headers } = await boxes.stream(row, {
      method: 'GET',
      path: '/browser/recordings/content',
      query: { recordingId },
      timeoutMs: CONTENT_TIMEOUT_MS,
      signal,
    });
    const size = Number(headers['content-length'] ?? Number.NaN);
    const artifact = await artifacts.publishStream({
      sandboxId: ownerOf(row),
      name: `${recordingId}.mp4`,
      kind: 'recording',
      contentType: 'video/mp4',
      body,
      signal,
      ...(Number.isSafeInteger(size) && { size }),
    });
    const durationMs = Math.max(0, Math.round(done.durationMs ?? 0));
    await this.#tell(row, { recordingId, durationMs, artifactKey: artifact.key }, done.reason);
    // It is safe by now; what stays in the box goes with it.
    await boxes
      .json(row, okSchema, {
        method: 'DELETE',
        path: '/browser/recordings',
        query: { recordingId },
        timeoutMs: CALL_TIMEOUT_MS,
      })
      .catch((error: unknown) =>
        this.#deps.logger.debug({ event: 'recording.not-removed', err: error }, 'a film stays in its box'),
      );
    return { recordingId, durationMs, size: artifact.size, artifactKey: artifact.key };
  }

  async #tell(
    row: SandboxRow,
    data: { recordingId: string; durationMs: number; artifactKey: string | null },
    reason: string | null,
  ): Promise<void> {
    const text = reason === null ? null : storableText(reason).slice(0, MAX_REASON_LENGTH);
    const event = { type: 'sandbox.recording.stopped' as const, data: { ...data, reason: text } };
    const now = this.#deps.now();
    await this.#deps.store.update(row.id, { last_activity_at: now }, [event], now);
  }

  async #list(row: SandboxRow): Promise<BoxRecording[]> {
    const call = { method: 'GET', path: '/browser/recordings', timeoutMs: CALL_TIMEOUT_MS } as const;
    return (await this.#deps.boxes.json(row, boxRecordingsSchema, call)).recordings;
  }

  async #withBrowser(caller: Caller, id: string): Promise<SandboxRow> {
    const row = await this.#deps.sandboxes.findBrowser(caller, id);
    if (normalizeCapabilities(row.capabilities).browser.mode === 'none')
      throw new ApiError('BROWSER_NOT_ENABLED');
    return row;
  }

  #inTurn<T>(sandboxId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(sandboxId) ?? Promise.resolve();
    const result = before.then(work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(sandboxId, settled);
    void settled.then(() => {
      if (this.#turns.get(sandboxId) === settled) this.#turns.delete(sandboxId);
    });
    return result;
  }
}

function toRecording({ bytes, reason, ...recording }: BoxRecording): Recording {
  return {
    ...recording,
    size: bytes,
    reason: reason === null ? null : storableText(reason).slice(0, MAX_REASON_LENGTH),
  };
}
