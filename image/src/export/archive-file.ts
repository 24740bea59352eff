import { type Hash, createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { encodeTarHeader, TAR_BLOCK, type TarHeader, tarEnd, tarPadding } from './tar-header.ts';

/** A blob that was written: its content's digest and size. */
export interface WrittenBlob {
  /** SHA-256, hex. */
  digest: string;
  size: number;
}

/**
 * A tar archive that is written to a file. The header of a streamed entry is filled in after its content, since
 * only then its name (the digest) and its size are known: nothing is held in memory, or written twice.
 */
export class ArchiveFile implements AsyncDisposable {
  readonly #file: FileHandle;
  #offset = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Makes the file; it must not exist. */
  static async create(path: string): Promise<ArchiveFile> {
    return new ArchiveFile(await open(path, 'wx'));
  }

  async addFile(name: string, content: Buffer): Promise<void> {
    await this.#append(encodeTarHeader(headerOf(name, content.length)));
    await this.#append(content);
    await this.#append(tarPadding(content.length));
  }

  /** Adds content that is in memory as a blob under its digest. */
  async addBlob(content: Buffer): Promise<WrittenBlob> {
    const digest = createHash('sha256').update(content).digest('hex');
    await this.addFile(blobName(digest), content);
    return { digest, size: content.length };
  }

  /** Adds a stream as a blob under the digest of its content. */
  async addBlobStream(content: AsyncIterable<Buffer>): Promise<WrittenBlob> {
    const headerAt = this.#offset;
    this.#offset += TAR_BLOCK;
    const hash: Hash = createHash('sha256');
    let size = 0;
    for await (const chunk of content) {
      hash.update(chunk);
      size += chunk.length;
      await this.#append(chunk);
    }
    await this.#append(tarPadding(size));
    const digest = hash.digest('hex');
    await this.#writeAt(encodeTarHeader(headerOf(blobName(digest), size)), headerAt);
    return { digest, size };
  }

  /** Writes the archive's end and everything to disk. */
  async finish(): Promise<void> {
    await this.#append(tarEnd());
    await this.#file.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #append(bytes: Buffer): Promise<void> {
    await this.#writeAt(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  async #writeAt(bytes: Buffer, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      done += (await this.#file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  }
}

/** Name of a blob in an OCI image layout. */
export function blobName(digest: string): string {
  return `blobs/sha256/${digest}`;
}

function headerOf(name: string, size: number): TarHeader {
  return { name, size, type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0 };
}
