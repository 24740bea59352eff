import type { Transport } from './transport.ts';
import type { CallOptions, ModelKey } from './types.ts';

/** Options of {@link ModelKeys.set}. */
export interface SetModelKeyOptions extends CallOptions {
  /** May be left out where `baseUrl` needs none. */
  apiKey?: string;
  /** Default: the provider’s own. */
  baseUrl?: string;
  /** Main model of sandboxes that name none. */
  model?: string;
  /** Model for titles and skills. Default: `model`. */
  smallModel?: string;
}

/** Model keys of the organization: for all its sandboxes that bring none in their `env`. */
export class ModelKeys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The keys, masked. */
  async list(options: CallOptions = {}): Promise<ModelKey[]> {
    const { data } = await this.#transport.json<{ data: ModelKey[] }>({
      method: 'GET',
      path: '/v1/model-keys',
      signal: options.signal,
    });
    return data;
  }

  /**
   * Sets the key of a provider in place of the one before, model and base URL included.
   * @throws BanataError `INVALID_REQUEST`.
   * @example
   * ```ts
   * await banata.modelKeys.set('openrouter', { apiKey: process.env.OPENROUTER_API_KEY!, model: 'openai/gpt-5.3-codex' });
   * ```
   */
  set(provider: ModelKey['provider'], options: SetModelKeyOptions): Promise<ModelKey> {
    const { signal, ...fields } = options;
    return this.#transport.json({
      method: 'PUT',
      path: '/v1/model-keys',
      json: { ...fields, provider },
      safety: 'idempotent',
      signal,
    });
  }

  /** @throws BanataError `MODEL_KEY_NOT_FOUND`. */
  async delete(provider: ModelKey['provider'], options: CallOptions = {}): Promise<void> {
    await this.#transport.json({
      method: 'DELETE',
      path: '/v1/model-keys',
      query: { provider },
      signal: options.signal,
    });
  }
}
