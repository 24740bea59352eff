import { ApiError, type ModelKey, type SetModelKey } from '@banata/protocol';
import type { ModelVariables } from '@banata/config';
import type { ModelKeyRow } from '../../database/tables/agent.ts';
import type { ModelKeyStore } from '../../stores/model-key-store.ts';
import type { Caller } from '../access.ts';
import type { Secrets } from '../secrets.ts';
import type { ModelProvider } from './model-access.ts';
import { variablesOf } from './model-variables.ts';
import { urlProblem } from './variable-problems.ts';

/** Characters at the end of a key that are shown, where it is long enough that they do not give it away. */
const SHOWN = 4;
const MIN_LENGTH_TO_SHOW = 16;

export interface ModelKeysDeps {
  store: ModelKeyStore;
  secrets: Secrets;
  now: () => number;
}

/** Model keys that an organization set for all its sandboxes. They leave this class for the model gateway alone. */
export class ModelKeys {
  readonly #deps: ModelKeysDeps;

  constructor(deps: ModelKeysDeps) {
    this.#deps = deps;
  }

  async list({ organizationId }: Pick<Caller, 'organizationId'>): Promise<{ data: ModelKey[] }> {
    const rows = await this.#deps.store.list(organizationId);
    return { data: rows.map((row) => this.#view(row)) };
  }

  /** @throws {ApiError} INVALID_REQUEST for a base URL that holds more than an address. */
  async set({ organizationId }: Pick<Caller, 'organizationId'>, input: SetModelKey): Promise<ModelKey> {
    const { provider, apiKey, baseUrl = null, model = null, smallModel = null } = input;
    const problem = urlProblem('baseUrl', baseUrl);
    if (problem !== null) throw new ApiError('INVALID_REQUEST', problem);
    const { secrets, store, now } = this.#deps;
    const row: ModelKeyRow = {
      organization_id: organizationId,
      provider,
      key_sealed: apiKey === undefined ? null : secrets.seal(apiKey, contextOf(organizationId, provider)),
      base_url: baseUrl,
      model,
      small_model: smallModel,
      updated_at: now(),
    };
    await store.set(row);
    return this.#view(row);
  }

  /** @throws {ApiError} MODEL_KEY_NOT_FOUND. */
  async delete({ organizationId }: Pick<Caller, 'organizationId'>, provider: ModelProvider): Promise<void> {
    if (!(await this.#deps.store.delete(organizationId, provider))) throw new ApiError('MODEL_KEY_NOT_FOUND');
  }

  /** The keys as variables, under the names that the server's settings have. Secret. */
  async variablesOf(organizationId: string): Promise<ModelVariables> {
    const rows = await this.#deps.store.list(organizationId);
    const pairs = rows.flatMap((row) => {
      const names = variablesOf(row.provider);
      return [
        [names.apiKey, this.#key(row)],
        [names.baseUrl, row.base_url],
        [names.model, row.model],
        [names.smallModel, row.small_model],
      ] as const;
    });
    return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== null));
  }

  #key({ organization_id: organizationId, provider, key_sealed: sealed }: ModelKeyRow): string | null {
    return sealed && this.#deps.secrets.open(sealed, contextOf(organizationId, provider));
  }

  #view(row: ModelKeyRow): ModelKey {
    const key = this.#key(row);
    return {
      provider: row.provider,
      apiKey: key && masked(key),
      baseUrl: row.base_url,
      model: row.model,
      smallModel: row.small_model,
      updatedAt: row.updated_at,
    };
  }
}

function contextOf(organizationId: string, provider: ModelProvider): string {
  return `model-key:${organizationId}:${provider}`;
}

function masked(key: string): string {
  return key.length < MIN_LENGTH_TO_SHOW ? '…' : `…${key.slice(-SHOWN)}`;
}
