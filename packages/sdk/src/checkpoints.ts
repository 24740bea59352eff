import { DEFAULT_LAUNCH_MS, preferReady } from './bring-up.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import type { Transport } from './transport.ts';
import type { CallOptions, Checkpoint, CheckpointPage, ForkOptions, SandboxSession } from './types.ts';

/** Contents may have to come from the object store, or be packed by the sandbox itself. */
const LONG_TIMEOUT_MS = 30 * 60_000;

/** What a checkpoint is made with. */
export interface CheckpointOptions extends CallOptions {
  /** At most 200 characters. */
  name?: string;
  /** Labels of your own, returned as they are. */
  metadata?: Record<string, string>;
  /** Name of your own for this request, so that a repeated one makes no second checkpoint. Default: a new one. */
  idempotencyKey?: string;
}

/** Copies of a sandbox's files at one instant: the system layer, /workspace, the agent's sessions, the browser's profile. */
export class SandboxCheckpoints {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Makes a checkpoint; resolves when it is whole. The sandbox goes on meanwhile.
   * @throws BanataError `CHECKPOINTS_DISABLED`, `SANDBOX_NOT_READY`, `CAPACITY_EXHAUSTED`.
   * @example
   * ```ts
   * const { id } = await sandbox.checkpoints.create({ name: 'before the upgrade' });
   * ```
   */
  create(options: CheckpointOptions = {}): Promise<Checkpoint> {
    const { signal, idempotencyKey = newIdempotencyKey(), ...body } = options;
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/checkpoints',
      json: { ...body, id: this.#id },
      headers: { 'idempotency-key': idempotencyKey },
      safety: 'idempotent',
      timeoutMs: LONG_TIMEOUT_MS,
      signal,
    });
  }

  /**
   * A page of the sandbox's checkpoints, newest first; also those of a sandbox that has ended.
   * @param options.limit Default 50, at most 200.
   * @example
   * ```ts
   * const { data } = await sandbox.checkpoints.list();
   * ```
   */
  list(options: CallOptions & { limit?: number; cursor?: string } = {}): Promise<CheckpointPage> {
    const { signal, ...query } = options;
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/checkpoints',
      query: { ...query, id: this.#id },
      signal,
    });
  }

  /**
   * One checkpoint as it is now; `state` is `stored` when it is in the object store.
   * @throws BanataError `CHECKPOINT_NOT_FOUND`.
   * @example
   * ```ts
   * const { state, sha256 } = await sandbox.checkpoints.get(id);
   * ```
   */
  get(checkpointId: string, options: CallOptions = {}): Promise<Checkpoint> {
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/checkpoints',
      query: { id: this.#id, checkpointId },
      signal: options.signal,
    });
  }

  /**
   * Deletes a checkpoint, from the object store too.
   * @throws BanataError `CHECKPOINT_NOT_FOUND`.
   * @example
   * ```ts
   * await sandbox.checkpoints.delete(id);
   * ```
   */
  delete(checkpointId: string, options: CallOptions = {}): Promise<Checkpoint> {
    return this.#transport.json({
      method: 'DELETE',
      path: '/v1/sandboxes/checkpoints',
      query: { id: this.#id, checkpointId },
      signal: options.signal,
    });
  }

  /** @internal */
  restore(checkpointId: string, options: CallOptions = {}): Promise<SandboxSession> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/checkpoints/restore',
      json: { id: this.#id, checkpointId },
      timeoutMs: LONG_TIMEOUT_MS,
      signal: options.signal,
    });
  }

  /** @internal */
  fork(options: ForkOptions): Promise<SandboxSession> {
    const { signal, timeout = DEFAULT_LAUNCH_MS, ...body } = options;
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/checkpoints/fork',
      json: { ...body, id: this.#id },
      headers: { ...preferReady(timeout), 'idempotency-key': newIdempotencyKey() },
      safety: 'idempotent',
      timeoutMs: LONG_TIMEOUT_MS,
      signal,
    });
  }
}
