import { ApiError } from '@banata/protocol';
import type { BoxEndpoint, SandboxDriver } from '@banata/drivers';
import { JOURNAL_HEADER } from '@banata/protocol/box';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { BoxCall, BoxClient } from './box-client.ts';
import type { TransferCall } from './box-transfer.ts';
import { BoxLives } from './box-lives.ts';

/** What of a sandbox's row a call to its box needs. */
export type BoxOwner = Pick<SandboxRow, 'box_id'> & Partial<Pick<SandboxRow, 'followed'>>;

/** The boxes of sandboxes: where each answers, and calls to it. */
export class Boxes {
  readonly #driver: SandboxDriver;
  readonly #client: BoxClient;
  readonly #endpoints = new Map<string, BoxEndpoint>();
  readonly #lives = new BoxLives();
  /** Boxes of which the listener was told. */
  readonly #told = new Set<string>();
  #onJournal: ((boxId: string) => void) | undefined;

  constructor(driver: SandboxDriver, client: BoxClient) {
    this.#driver = driver;
    this.#client = client;
  }

  /** Has `listener` told once of each box, not followed yet, whose replies say that its journal has entries. */
  onJournal(listener: (boxId: string) => void): void {
    this.#onJournal = listener;
  }

  remember(boxId: string, endpoint: BoxEndpoint): void {
    this.#endpoints.set(boxId, endpoint);
  }

  /** Says that a box is ended or stopped: calls under way fail at once, with this reason. */
  forget(boxId: string, reason: ApiError = new ApiError('SANDBOX_ENDED')): void {
    const endpoint = this.#endpoints.get(boxId);
    if (endpoint) this.#client.forget(endpoint);
    this.#endpoints.delete(boxId);
    this.#told.delete(boxId);
    this.#lives.end(boxId, reason);
  }

  /** Aborts when the box is ended or stopped. */
  lifeOf(sandbox: Pick<SandboxRow, 'box_id'>): AbortSignal | undefined {
    return sandbox.box_id === null ? undefined : this.#lives.signalOf(sandbox.box_id);
  }

  /** @throws {ApiError} SANDBOX_UNREACHABLE when the host has no such box any more. */
  async endpointOf(sandbox: Pick<SandboxRow, 'box_id'>): Promise<BoxEndpoint> {
    if (sandbox.box_id === null) throw new ApiError('SANDBOX_NOT_READY');
    const known = this.#endpoints.get(sandbox.box_id);
    if (known) return known;
    const box = await this.#driver.get(sandbox.box_id);
    if (!box) throw new ApiError('SANDBOX_UNREACHABLE', 'What the sandbox ran in is gone.');
    this.#endpoints.set(sandbox.box_id, box.endpoint);
    return box.endpoint;
  }

  async json<T extends z.ZodType>(sandbox: BoxOwner, schema: T, call: BoxCall): Promise<z.output<T>> {
    return this.#client.json(await this.endpointOf(sandbox), schema, this.#bound(sandbox, call));
  }

  async stream(sandbox: BoxOwner, call: BoxCall): Promise<Dispatcher.ResponseData> {
    return this.#client.stream(await this.endpointOf(sandbox), this.#bound(sandbox, call));
  }

  async transfer(sandbox: BoxOwner, call: TransferCall): Promise<IncomingMessage> {
    return this.#client.transfer(await this.endpointOf(sandbox), this.#bound(sandbox, call));
  }

  async transferJson<T extends z.ZodType>(
    sandbox: BoxOwner,
    schema: T,
    call: TransferCall,
  ): Promise<z.output<T>> {
    return this.#client.transferJson(await this.endpointOf(sandbox), schema, this.#bound(sandbox, call));
  }

  #bound<T extends Pick<BoxCall, 'signal'>>(sandbox: BoxOwner, call: T): T {
    const life = this.lifeOf(sandbox);
    const onReply = (headers: IncomingHttpHeaders): void => this.#notice(sandbox, headers);
    if (!life) return { ...call, onReply };
    return { ...call, onReply, signal: call.signal ? AbortSignal.any([call.signal, life]) : life };
  }

  #notice({ box_id: boxId, followed }: BoxOwner, headers: IncomingHttpHeaders): void {
    if (boxId === null || followed === true || this.#told.has(boxId)) return;
    if (headers[JOURNAL_HEADER] === undefined) return;
    this.#told.add(boxId);
    this.#onJournal?.(boxId);
  }
}
