import type { Transport } from './transport.ts';
import type { CallOptions, FileListing, WrittenFile } from './types.ts';

/** Longest time for moving one file, ms. */
const TRANSFER_TIMEOUT_MS = 15 * 60_000;

/** Files of a sandbox, with the rights of its user. Relative paths start at /workspace. */
export class SandboxFiles {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Reads a text file of any size.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`.
   * @example
   * ```ts
   * const report = await sandbox.fs.read('/workspace/report.md');
   * ```
   */
  async read(path: string, options: CallOptions = {}): Promise<string> {
    return new TextDecoder().decode(await this.readBytes(path, options));
  }

  /**
   * Reads a file as bytes.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`.
   * @example
   * ```ts
   * await writeFile('plot.png', await sandbox.fs.readBytes('/workspace/plot.png'));
   * ```
   */
  readBytes(path: string, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transport.bytes({
      method: 'GET',
      path: '/v1/sandboxes/fs/read',
      query: { id: this.#id, path, format: 'raw' },
      timeoutMs: TRANSFER_TIMEOUT_MS,
      signal: options.signal,
    });
  }

  /**
   * Writes a file; parent folders are created and an existing file is replaced. A `Blob` (of `fs.openAsBlob`, say)
   * is streamed.
   * @throws BanataError `FILE_ACCESS_DENIED`.
   * @example
   * ```ts
   * await sandbox.fs.write('/workspace/in.csv', 'a,b\n1,2\n');
   * ```
   */
  write(
    path: string,
    content: string | Uint8Array<ArrayBuffer> | ArrayBuffer | Blob,
    options: CallOptions = {},
  ): Promise<WrittenFile> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/fs/write',
      query: { id: this.#id, path },
      bytes: content,
      safety: 'idempotent',
      timeoutMs: TRANSFER_TIMEOUT_MS,
      signal: options.signal,
    });
  }

  /**
   * Lists a folder; `truncated` says when it has more entries than are answered.
   * @param path Default /workspace.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`.
   * @example
   * ```ts
   * for (const entry of (await sandbox.fs.list()).entries) console.log(entry.type, entry.path, entry.size);
   * ```
   */
  list(path?: string, options: CallOptions = {}): Promise<FileListing> {
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/fs/list',
      query: { id: this.#id, path },
      signal: options.signal,
    });
  }
}
