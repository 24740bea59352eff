import type { Transport } from './transport.ts';
import type { Artifact, ArtifactPage, CallOptions, DownloadLink } from './types.ts';

const DOWNLOAD_TIMEOUT_MS = 15 * 60_000;

/** Durable outputs of a sandbox; they outlive it. */
export class SandboxArtifacts {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Artifacts of the sandbox.
   * @param options.prefix Only keys that begin with it.
   * @param options.limit Default 100, at most 500.
   * @example
   * ```ts
   * for (const artifact of (await sandbox.artifacts.list()).data) console.log(artifact.key, artifact.size);
   * ```
   */
  list(
    options: CallOptions & { prefix?: string; limit?: number; cursor?: string } = {},
  ): Promise<ArtifactPage> {
    const { signal, ...query } = options;
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/artifacts',
      query: { ...query, id: this.#id },
      signal,
    });
  }

  /**
   * Keeps a file of the sandbox as an artifact.
   * @param options.name Default: the name of the file.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`.
   * @example
   * ```ts
   * const { key } = await sandbox.artifacts.publish('/workspace/report.md');
   * ```
   */
  publish(path: string, options: CallOptions & { name?: string } = {}): Promise<Artifact> {
    const { signal, ...body } = options;
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/artifacts',
      json: { ...body, id: this.#id, path },
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
      signal,
    });
  }

  /**
   * A signed URL under which anyone can download the artifact until `expiresAt`.
   * @throws BanataError `ARTIFACT_NOT_FOUND`.
   * @example
   * ```ts
   * const { url } = await sandbox.artifacts.getDownloadUrl(key);
   * ```
   */
  getDownloadUrl(key: string, options: CallOptions = {}): Promise<DownloadLink> {
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/artifacts/download',
      query: { id: this.#id, key },
      signal: options.signal,
    });
  }

  /**
   * Content of an artifact.
   * @throws BanataError `ARTIFACT_NOT_FOUND`.
   * @example
   * ```ts
   * await writeFile('report.md', await sandbox.artifacts.download(key));
   * ```
   */
  async download(key: string, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { url } = await this.getDownloadUrl(key, options);
    return this.#transport.download(url, { signal: options.signal, timeoutMs: DOWNLOAD_TIMEOUT_MS });
  }
}
