import type { Transport } from './transport.ts';
import type {
  Artifact,
  ArtifactListOptions,
  ArtifactPage,
  CallOptions,
  DownloadLink,
  PublishOptions,
} from './types.ts';

const DOWNLOAD_TIMEOUT_MS = 15 * 60_000;
const PUBLISH_TIMEOUT_MS = 31 * 60_000;

/** Durable outputs of a sandbox; they outlive it. */
export class SandboxArtifacts {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Artifacts of the sandbox, in the order of their keys; also after it has ended.
   * @example
   * ```ts
   * for (const artifact of (await sandbox.artifacts.list()).data) console.log(artifact.key, artifact.size);
   * ```
   */
  list(options: ArtifactListOptions = {}): Promise<ArtifactPage> {
    const { signal, ...query } = options;
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/artifacts',
      query: { ...query, id: this.#id },
      signal,
    });
  }

  /**
   * Keeps a file of the sandbox as an artifact, or a folder as an archive. One of the same name is replaced.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`, `PAYLOAD_TOO_LARGE`, `ARTIFACT_QUOTA_EXCEEDED`.
   * @example
   * ```ts
   * const { key } = await sandbox.artifacts.publish('/workspace/report.md');
   * await sandbox.artifacts.publish('/workspace', { name: 'everything.tar.zst', format: 'tar.zst' });
   * ```
   */
  publish(path: string, options: PublishOptions = {}): Promise<Artifact> {
    const { signal, ...body } = options;
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/artifacts',
      json: { ...body, id: this.#id, path },
      timeoutMs: PUBLISH_TIMEOUT_MS,
      signal,
    });
  }

  /**
   * A signed URL under which anyone can download the artifact until `expiresAt`, 15 minutes from now.
   * @throws BanataError `ARTIFACT_NOT_FOUND`; `STORE_UNAVAILABLE` while the object store does not answer.
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
   * Content of an artifact, in memory. For large ones, stream from {@link SandboxArtifacts.getDownloadUrl}.
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

  /**
   * Deletes an artifact. Deleting what is not there is no error.
   * @returns whether there was one.
   * @throws BanataError `CONFLICT` where it shows something that is deleted elsewhere, such as a checkpoint.
   * @example
   * ```ts
   * await sandbox.artifacts.delete(key);
   * ```
   */
  async delete(key: string, options: CallOptions = {}): Promise<boolean> {
    const { deleted } = await this.#transport.json<{ deleted: boolean }>({
      method: 'DELETE',
      path: '/v1/sandboxes/artifacts',
      query: { id: this.#id, key },
      signal: options.signal,
    });
    return deleted;
  }
}
