import { checkContent } from './check-content.ts';
import { BanataError } from './error.ts';
import type { RawBody, Transport } from './transport.ts';
import type {
  CallOptions,
  FileEntry,
  FileListing,
  FileStat,
  GrepMatch,
  SignedFileUrl,
  UnpackedArchive,
  WrittenFile,
} from './types.ts';
import { watchFiles, type FileWatchEvent, type WatchOptions } from './watch-files.ts';

/** Longest time for moving one file or archive, ms. */
const TRANSFER_TIMEOUT_MS = 15 * 60_000;
/** A server gives up what takes longer. */
const OPERATION_TIMEOUT_MS = 150_000;

/** What can be written. A stream goes over the wire as it comes; such a call is never repeated. */
export type WriteContent = RawBody;

/** Options of transfers. */
export interface TransferOptions extends CallOptions {
  /** Longest time for the transfer, ms. Default 15 minutes. */
  timeout?: number;
}

/** Options of {@link SandboxFiles.glob}. */
export interface GlobOptions extends CallOptions {
  /** Folder the pattern begins in. Default /workspace. */
  path?: string;
  /** Most files that are answered. Default 1000, at most 10,000. */
  limit?: number;
}

/** Options of {@link SandboxFiles.grep}. */
export interface GrepOptions extends CallOptions {
  /** Folder or file. Default /workspace. */
  path?: string;
  /** The pattern is plain text. Default false. */
  fixed?: boolean;
  /** Default false. */
  ignoreCase?: boolean;
  /** Only files whose name matches this glob, such as `*.ts`. */
  include?: string;
  /** Also what has a name that begins with a dot. Default false. */
  hidden?: boolean;
  /** Also what .gitignore names. Default false. */
  ignored?: boolean;
  /** Most lines that are answered. Default 1000, at most 10,000. */
  limit?: number;
}

/** Kinds of archive that are made. Uploads are recognised by themselves. */
export type ArchiveFormat = 'tar' | 'tar.gz' | 'tar.zst' | 'zip';

/** Options of {@link SandboxFiles.sign}. */
export interface SignOptions extends CallOptions {
  /** `read` downloads with GET, `write` uploads with PUT. */
  operation: 'read' | 'write';
  /** Life of the URL, ms. Default 15 minutes, at most an hour. It ends with the sandbox in any case. */
  expiresInMs?: number;
  /** With `write`: longest file that is taken, bytes. Default: what the sandbox has room for. */
  maxBytes?: number;
}

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
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`, `IS_DIRECTORY`, `NOT_A_FILE`.
   * @example
   * ```ts
   * const report = await sandbox.fs.read('/workspace/report.md');
   * ```
   */
  async read(path: string, options: TransferOptions = {}): Promise<string> {
    // A byte order mark is part of the file: who writes back what was read must not lose it.
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(await this.readBytes(path, options));
  }

  /**
   * Reads a file as bytes.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`, `IS_DIRECTORY`, `NOT_A_FILE`.
   * @example
   * ```ts
   * await writeFile('plot.png', await sandbox.fs.readBytes('/workspace/plot.png'));
   * ```
   */
  readBytes(path: string, options: TransferOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transport.bytes({ ...this.#file('GET', path), ...transfer(options) });
  }

  /**
   * The bytes of a file as they come, for files that are too long for memory.
   * @param options.start First byte, from 0. Default 0.
   * @param options.end Last byte, included. Default: the end of the file.
   * @throws BanataError `FILE_NOT_FOUND`, `RANGE_NOT_SATISFIABLE`.
   * @example
   * ```ts
   * const stream = await sandbox.fs.readStream('/workspace/big.bin');
   * await pipeline(Readable.fromWeb(stream), createWriteStream('big.bin'));
   * ```
   */
  async readStream(
    path: string,
    options: CallOptions & { start?: number; end?: number } = {},
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { start = 0, end, signal } = options;
    const whole = start === 0 && end === undefined;
    const headers = whole ? {} : { headers: { range: `bytes=${start}-${end ?? ''}` } };
    return bodyOf(await this.#transport.open({ ...this.#file('GET', path), ...headers, signal }));
  }

  /**
   * Writes a file; parent folders are created and an existing file is replaced, once all has come. A `Blob` (of
   * `fs.openAsBlob`, say) and a `ReadableStream` are streamed.
   * @param options.mode Permission bits as octal text. Default: those of the file that was there, or `0644`.
   * @throws BanataError `FILE_ACCESS_DENIED`, `IS_DIRECTORY`, `NOT_A_FILE`, `SANDBOX_DISK_FULL`, `INVALID_ARGUMENT`.
   * @example
   * ```ts
   * await sandbox.fs.write('/workspace/in.csv', 'a,b\n1,2\n');
   * await sandbox.fs.write('/workspace/big.bin', await openAsBlob('big.bin'));
   * ```
   */
  async write(
    path: string,
    content: WriteContent,
    options: TransferOptions & { mode?: string } = {},
  ): Promise<WrittenFile> {
    checkContent(content);
    const request = this.#file('PUT', path);
    return this.#transport.json({
      ...request,
      query: { ...request.query, mode: options.mode },
      bytes: content,
      ...transfer(options),
    });
  }

  /**
   * Lists a folder by name; `truncated` says when there is more, and `nextCursor` leads to it.
   * @param path Default /workspace.
   * @param options.limit Default and at most 10,000.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`, `NOT_A_DIRECTORY`.
   * @example
   * ```ts
   * for (const entry of (await sandbox.fs.list()).entries) console.log(entry.type, entry.path, entry.size);
   * ```
   */
  list(
    path?: string,
    { signal, ...page }: CallOptions & { limit?: number; cursor?: string } = {},
  ): Promise<FileListing> {
    return this.#get('list', { path, ...page }, signal);
  }

  /**
   * All about a file, a folder or a link.
   * @param options.follow Tells of what a link leads to. Default false: of the link itself.
   * @throws BanataError `FILE_NOT_FOUND`.
   * @example
   * ```ts
   * const { type, size, mode } = await sandbox.fs.stat('/workspace/report.md');
   * ```
   */
  stat(path: string, { signal, follow }: CallOptions & { follow?: boolean } = {}): Promise<FileStat> {
    return this.#get('stat', { path, follow }, signal);
  }

  /** Whether there is anything at a path. @example `if (!(await sandbox.fs.exists('.env'))) …` */
  async exists(path: string, options: CallOptions = {}): Promise<boolean> {
    try {
      await this.stat(path, options);
      return true;
    } catch (error) {
      if (error instanceof BanataError && error.code === 'FILE_NOT_FOUND') return false;
      throw error;
    }
  }

  /**
   * Makes a folder and its parents; one that is there is no error.
   * @param options.mode Permission bits as octal text. Default `0755`.
   * @throws BanataError `FILE_EXISTS` where something else is in the way.
   * @example
   * ```ts
   * await sandbox.fs.mkdir('/workspace/out/plots');
   * ```
   */
  mkdir(
    path: string,
    { signal, mode }: CallOptions & { mode?: string } = {},
  ): Promise<{ path: string; created: boolean }> {
    return this.#post('mkdir', { path, mode }, signal);
  }

  /**
   * Moves or renames; parents of the new path are made.
   * @param options.overwrite Replaces a file, or an empty folder, that is there. Default false.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_EXISTS`, `DIRECTORY_NOT_EMPTY`.
   * @example
   * ```ts
   * await sandbox.fs.move('/workspace/draft.md', '/workspace/done/report.md');
   * ```
   */
  move(
    path: string,
    to: string,
    { signal, overwrite }: CallOptions & { overwrite?: boolean } = {},
  ): Promise<{ path: string }> {
    // Repeated after it was done, it would say that there is nothing to move.
    return this.#post('move', { path, to, overwrite }, signal, 'once');
  }

  /**
   * Removes a file, a link or a folder.
   * @param options.recursive With all that is in the folder. Default false.
   * @throws BanataError `FILE_NOT_FOUND`, `DIRECTORY_NOT_EMPTY`, `PATH_PROTECTED`.
   * @example
   * ```ts
   * await sandbox.fs.remove('/workspace/node_modules', { recursive: true });
   * ```
   */
  remove(
    path: string,
    { signal, recursive }: CallOptions & { recursive?: boolean } = {},
  ): Promise<{ path: string }> {
    return this.#post('remove', { path, recursive }, signal, 'once');
  }

  /**
   * Sets permission bits.
   * @param mode Octal, such as `0755`.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`.
   * @example
   * ```ts
   * await sandbox.fs.chmod('/workspace/run.sh', '0755');
   * ```
   */
  chmod(
    path: string,
    mode: string,
    { signal, recursive }: CallOptions & { recursive?: boolean } = {},
  ): Promise<{ path: string }> {
    return this.#post('chmod', { path, mode, recursive }, signal);
  }

  /**
   * Files whose path matches a pattern, by path; hidden ones and those that .gitignore names, too.
   * @param pattern From the folder on: `*.md` are files right in it, `**` goes through folders.
   * @throws BanataError `INVALID_REQUEST`, `FILE_NOT_FOUND`.
   * @example
   * ```ts
   * const { entries } = await sandbox.fs.glob('src/**\/*.ts');
   * ```
   */
  glob(
    pattern: string,
    { signal, ...options }: GlobOptions = {},
  ): Promise<{ entries: FileEntry[]; truncated: boolean }> {
    return this.#get('glob', { pattern, ...options }, signal);
  }

  /**
   * Lines that match a regular expression of ripgrep, by path and line.
   * @throws BanataError `INVALID_REQUEST` for a pattern that is none, `FILE_NOT_FOUND`.
   * @example
   * ```ts
   * const { matches } = await sandbox.fs.grep('TODO|FIXME', { include: '*.ts' });
   * ```
   */
  grep(
    pattern: string,
    { signal, ...options }: GrepOptions = {},
  ): Promise<{ matches: GrepMatch[]; truncated: boolean }> {
    return this.#get('grep', { pattern, ...options }, signal);
  }

  /**
   * Changes of a folder as they happen, until it is gone or the signal aborts.
   * @throws BanataError `NETWORK_ERROR` when the stream breaks off: what happened meanwhile is not known then.
   * @example
   * ```ts
   * for await (const change of sandbox.fs.watch('/workspace/out', { recursive: true })) console.log(change);
   * ```
   */
  watch(
    path: string,
    { signal, recursive = false }: WatchOptions = {},
  ): AsyncGenerator<FileWatchEvent, void> {
    return watchFiles(this.#transport, { id: this.#id, path, recursive }, signal);
  }

  /**
   * Unpacks a tar archive (plain, gzip or zstd) into a folder; files that are there are replaced.
   * @param options.path Default /workspace.
   * @param options.maxBytes Most bytes of the archive once it is decompressed. Default 10 GiB.
   * @throws BanataError `ARCHIVE_INVALID`, `ARCHIVE_REFUSED` naming the entry, `SANDBOX_DISK_FULL`, `FILE_TOO_LARGE`.
   * @example
   * ```ts
   * await sandbox.fs.upload(await openAsBlob('project.tar.gz'), { path: '/workspace/project' });
   * ```
   */
  async upload(
    archive: WriteContent,
    options: TransferOptions & { path?: string; maxBytes?: number } = {},
  ): Promise<UnpackedArchive> {
    checkContent(archive);
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/fs/upload',
      query: { id: this.#id, path: options.path, maxBytes: options.maxBytes },
      bytes: archive,
      safety: 'idempotent',
      ...transfer(options),
    });
  }

  /**
   * A folder, or one file, as an archive: tar, which {@link upload} takes, or zip.
   * @param path Default /workspace.
   * @param options.format Default `tar`.
   * @param options.skipUnreadable Leaves out what the sandbox's user may not read. Default false: that breaks it off.
   * @throws BanataError `FILE_NOT_FOUND`, `FILE_ACCESS_DENIED`.
   * @example
   * ```ts
   * const archive = await sandbox.fs.download('/workspace', { format: 'tar.gz' });
   * await pipeline(Readable.fromWeb(archive), createWriteStream('workspace.tar.gz'));
   * ```
   */
  async download(
    path?: string,
    options: CallOptions & { format?: ArchiveFormat; skipUnreadable?: boolean } = {},
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { signal, format, skipUnreadable } = options;
    const response = await this.#transport.open({
      method: 'GET',
      path: '/v1/sandboxes/fs/download',
      query: { id: this.#id, path, format, skipUnreadable },
      timeoutMs: OPERATION_TIMEOUT_MS,
      signal,
    });
    return bodyOf(response);
  }

  /**
   * A URL under which one file can be downloaded or uploaded without a key, from any web page, say.
   * @throws BanataError `SANDBOX_NOT_READY`.
   * @example
   * ```ts
   * const { url } = await sandbox.fs.sign('/workspace/in.csv', { operation: 'write', maxBytes: 10_000_000 });
   * await fetch(url, { method: 'PUT', body: file });
   * ```
   */
  sign(path: string, { signal, ...link }: SignOptions): Promise<SignedFileUrl> {
    return this.#post('sign', { path, ...link }, signal);
  }

  #file(method: 'GET' | 'PUT', path: string) {
    return { method, path: '/v1/sandboxes/fs/file', query: { id: this.#id, path } };
  }

  #get<T>(
    name: string,
    query: Record<string, string | number | boolean | undefined>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return this.#transport.json({
      method: 'GET',
      path: `/v1/sandboxes/fs/${name}`,
      query: { id: this.#id, ...query },
      timeoutMs: OPERATION_TIMEOUT_MS,
      signal,
    });
  }

  #post<T>(
    name: string,
    body: object,
    signal: AbortSignal | undefined,
    safety: 'idempotent' | 'once' = 'idempotent',
  ): Promise<T> {
    return this.#transport.json({
      method: 'POST',
      path: `/v1/sandboxes/fs/${name}`,
      json: { id: this.#id, ...body },
      timeoutMs: OPERATION_TIMEOUT_MS,
      safety,
      signal,
    });
  }
}

function transfer({ timeout = TRANSFER_TIMEOUT_MS, signal }: TransferOptions): {
  timeoutMs: number;
  signal: AbortSignal | undefined;
} {
  return { timeoutMs: timeout, signal };
}

function bodyOf({ body }: Response): ReadableStream<Uint8Array<ArrayBuffer>> {
  return body ?? new Blob([]).stream();
}
