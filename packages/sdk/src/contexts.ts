import type { Transport } from './transport.ts';
import type { CallOptions, CodeContext, CodeContextLanguage } from './types.ts';

const BASE = '/v1/sandboxes/code/contexts';
/** An interpreter starts within a few seconds; a loaded machine gets more. */
const START_TIMEOUT_MS = 90_000;

/** Interpreters that stay alive between calls of `runCode`, so that variables persist. At most 8. */
export class SandboxContexts {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Starts an interpreter. Default Python.
   * @example
   * ```ts
   * const context = await sandbox.contexts.create({ language: 'python' });
   * await sandbox.runCode('x = 41', { context: context.id });
   * const { results } = await sandbox.runCode('x + 1', { context: context.id });
   * ```
   */
  create(options: CallOptions & { language?: CodeContextLanguage; cwd?: string } = {}): Promise<CodeContext> {
    const { signal, ...json } = options;
    return this.#post('', json, signal);
  }

  /** Interpreters that are alive. @example `const [first] = await sandbox.contexts.list()` */
  async list(options: CallOptions = {}): Promise<CodeContext[]> {
    const { contexts } = await this.#transport.json<{ contexts: CodeContext[] }>({
      method: 'GET',
      path: BASE,
      query: { id: this.#id },
      signal: options.signal,
    });
    return contexts;
  }

  /** Ends the interpreter. @throws BanataError `CONTEXT_NOT_FOUND`. */
  async delete(context: string, options: CallOptions = {}): Promise<void> {
    const query = { id: this.#id, context };
    await this.#transport.json({ method: 'DELETE', path: BASE, query, signal: options.signal });
  }

  /** Breaks off what runs; variables stay. @throws BanataError `CONTEXT_NOT_FOUND`. */
  interrupt(context: string, options: CallOptions = {}): Promise<CodeContext> {
    return this.#post('/interrupt', { context }, options.signal);
  }

  /** Starts the interpreter anew, without variables. @throws BanataError `CONTEXT_NOT_FOUND`. */
  restart(context: string, options: CallOptions = {}): Promise<CodeContext> {
    return this.#post('/restart', { context }, options.signal);
  }

  #post(path: string, body: object, signal: AbortSignal | undefined): Promise<CodeContext> {
    const json = { ...body, id: this.#id };
    return this.#transport.json({
      method: 'POST',
      path: BASE + path,
      json,
      timeoutMs: START_TIMEOUT_MS,
      signal,
    });
  }
}
