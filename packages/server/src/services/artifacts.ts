import { ApiError, normalizeCapabilities, type ArchiveFormat, type Artifact } from '@banata/protocol';
import type { ByteRange, TaskReport } from '@banata/protocol/box';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import type { ArtifactRow } from '../database/tables/lasting.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import {
  quotaExceeded,
  type ArtifactFilter,
  type ArtifactStore,
  type ObjectListing,
} from '../stores/artifact-store.ts';
import { ObjectMissingError, type ObjectStore } from '../stores/objects/object-store.ts';
import { storeUnavailable } from '../stores/objects/store-unavailable.ts';
import { storableText } from '../stores/text.ts';
import type { Caller } from './access.ts';
import { artifactEvent, attachment, toArtifact } from './artifacts/artifact-view.ts';
import type { BoxContents } from './artifacts/box-contents.ts';
import { CONTENT_TYPE, contentTypeOf } from './content-type.ts';
import type { Staging } from './artifacts/staging.ts';
import { DOWNLOAD_LINK_MS, type Links } from './links.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

/** Largest artifact: 8 GiB. */
const MAX_ARTIFACT_BYTES = 8 * 1024 ** 3;
const MAX_NAME_LENGTH = 255;
const PUBLISH_TIMEOUT_MS = 30 * 60_000;
const REPORT_TIMEOUT_MS = 10_000;
const HEAD_TIMEOUT_MS = 5_000;
const EXPIRE_AT_ONCE = 100;

/** Below the artifactPrefix. */
const folders: Record<Artifact['kind'], string> = {
  file: 'files',
  workspace: 'workspaces',
  'task-report': 'task-reports',
  recording: 'recordings',
  screenshot: 'screenshots',
  har: 'har',
  document: 'documents',
  checkpoint: 'checkpoints',
};

export interface ArtifactServiceDeps {
  sandboxes: Pick<SandboxService, 'find' | 'findWorking'>;
  contents: BoxContents;
  store: ArtifactStore;
  /** Finds a sandbox of any organization. */
  findSandbox: (id: string) => Promise<SandboxRow | undefined>;
  objects: ObjectStore;
  staging: Staging;
  /** Told when there may be something to carry to the object store, or to delete there. */
  onTransfer: () => void;
  links: Links;
  /** Most bytes the artifacts of an organization may hold; 0: no limit. */
  quotaBytes: number;
  /** Artifacts older than this go; 0: none. */
  retentionMs: number;
  now: () => number;
}

/** What an artifact is to be called, and what it is. */
interface ArtifactFacts {
  sandboxId: string;
  /** A file name. */
  name: string;
  kind: Artifact['kind'];
  /** Default: by the name. */
  contentType?: string | undefined;
  /** Path in the sandbox it was made from. Default: none. */
  source?: string | null;
}

/** A content to keep. */
export interface PublishStream extends ArtifactFacts {
  /** Destroyed when it cannot be kept. */
  body: Readable;
  /** Bytes, where they are known before. */
  size?: number;
  signal?: AbortSignal;
}

/** Facts of an object that something else than the artifact owns. */
export interface ListedObject extends ArtifactFacts {
  object: { key: string; size: number; sha256: string };
}

interface RecordedObject {
  key: string;
  size: number;
  sha256: string;
  state: 'stored' | 'pending';
  /** Whether it goes with its artifact. */
  owned: boolean;
}

/** Durable outputs: they outlive the sandbox they come from. */
export class ArtifactService {
  readonly #deps: ArtifactServiceDeps;

  constructor(deps: ArtifactServiceDeps) {
    this.#deps = deps;
  }

  async list(
    caller: Caller,
    id: string,
    filter: ArtifactFilter,
  ): Promise<{ data: Artifact[]; nextCursor: string | null }> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const { rows, nextCursor } = await this.#deps.store.list(sandbox.id, filter);
    return { data: rows.map(toArtifact), nextCursor };
  }

  async listAll(
    caller: Caller,
    filter: ArtifactFilter,
  ): Promise<{ data: Artifact[]; nextCursor: string | null }> {
    const { rows, nextCursor } = await this.#deps.store.listOfOrganization(caller.organizationId, filter);
    return { data: rows.map(toArtifact), nextCursor };
  }

  /** Copies a file out of the sandbox, or packages a folder. Publishing under the same name again replaces the artifact. */
  async publish(
    caller: Caller,
    id: string,
    wanted: { path: string; name?: string | undefined; format?: ArchiveFormat | undefined },
    signal: AbortSignal,
  ): Promise<Artifact> {
    const sandbox = await this.#deps.sandboxes.findWorking(caller, id);
    return this.publishFromBox(sandbox, wanted, signal);
  }

  /** The same for the sandbox itself. */
  async publishFromBox(
    sandbox: SandboxRow,
    wanted: { path: string; name?: string | undefined; format?: ArchiveFormat | undefined },
    signal: AbortSignal,
  ): Promise<Artifact> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PUBLISH_TIMEOUT_MS)]);
    const content = await this.#deps.contents.open(sandbox, wanted, limit);
    return this.publishStream({
      sandboxId: sandbox.id,
      name: wanted.name ?? content.name,
      kind: content.packaged ? 'workspace' : 'file',
      source: posix.resolve('/workspace', wanted.path),
      body: content.body,
      signal: limit,
      ...(content.size !== undefined && { size: content.size }),
    });
  }

  /**
   * Keeps a content as an artifact, also of a sandbox that has ended. It is safe when this resolves. An artifact of
   * the same kind and name is replaced.
   * @throws {ApiError} SANDBOX_NOT_FOUND, PAYLOAD_TOO_LARGE, ARTIFACT_QUOTA_EXCEEDED, HOST_DISK_FULL, STORE_UNAVAILABLE.
   */
  async publishStream(wanted: PublishStream): Promise<Artifact> {
    const { body, size, signal = AbortSignal.timeout(PUBLISH_TIMEOUT_MS) } = wanted;
    // What goes wrong before the body is read is not to end the process.
    body.once('error', () => undefined);
    try {
      const sandbox = await this.#sandbox(wanted.sandboxId);
      const limit = await this.#limit(sandbox.organization_id, size);
      const object = await this.#deps.staging.take(body, {
        ...limit,
        signal,
        ...(size !== undefined && { size }),
      });
      return await this.#record(sandbox, wanted, { ...object, owned: true });
    } catch (error) {
      body.destroy();
      throw error;
    }
  }

  /**
   * The record under which an object is listed that belongs to something else than the artifact. Whoever owns the
   * object keeps the record in the transaction that stores it (`ArtifactStore.enlist`) and takes it back in the one in
   * which it goes (`withdraw`); deleting the artifact is refused to callers, and its bytes count towards no quota.
   * @throws {ApiError} SANDBOX_NOT_FOUND.
   */
  async listing(wanted: ListedObject): Promise<ObjectListing> {
    const sandbox = await this.#sandbox(wanted.sandboxId);
    const row = this.#row(sandbox, wanted, { ...wanted.object, state: 'stored', owned: false });
    return { row, event: artifactEvent('published', row) };
  }

  /** Keeps a task's completion report as JSON under `task-reports/`. */
  async keepReport(sandbox: SandboxRow, report: TaskReport, taskId: string | null): Promise<void> {
    const content = Buffer.from(JSON.stringify({ taskId, ...report }, undefined, 2));
    await this.publishStream({
      sandboxId: sandbox.id,
      name: `${taskId ?? report.completedAt}.json`,
      kind: 'task-report',
      body: Readable.from([content], { objectMode: false }),
      size: content.length,
      signal: AbortSignal.timeout(REPORT_TIMEOUT_MS),
    });
  }

  /** @throws {ApiError} SANDBOX_NOT_FOUND, CONFLICT where the content belongs to something else. */
  async delete(caller: Caller, id: string, key: string): Promise<{ ok: true; deleted: boolean }> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const row = await this.#deps.store.find(sandbox.id, key);
    if (row && !row.owns_object) {
      throw new ApiError(
        'CONFLICT',
        `This artifact shows a ${row.kind}, and goes when that is deleted: delete the ${row.kind} instead.`,
      );
    }
    return { ok: true, deleted: row !== undefined && (await this.#remove(row)) };
  }

  /** Deletes what is older than artifacts are kept. */
  async removeExpired(): Promise<void> {
    const { store, retentionMs, now } = this.#deps;
    if (retentionMs === 0) return;
    for (const row of await store.listOld(now() - retentionMs, EXPIRE_AT_ONCE)) await this.#remove(row);
  }

  /**
   * A URL under which the content can be downloaded: at the object store itself where it offers that.
   * @throws {ApiError} SANDBOX_NOT_FOUND, ARTIFACT_NOT_FOUND, STORE_UNAVAILABLE.
   */
  async link(caller: Caller, id: string, key: string): Promise<{ url: string; expiresAt: number }> {
    const { sandboxes, objects, links, now } = this.#deps;
    const sandbox = await sandboxes.find(caller, id);
    const row = await this.#find(sandbox.id, key);
    if (row.state !== 'stored' || !objects.presign) return links.forArtifact(sandbox.id, key);
    // A URL that leads nowhere would say less than this.
    const found = await objects
      .head(row.object_key, { signal: AbortSignal.timeout(HEAD_TIMEOUT_MS) })
      .catch((cause: unknown) => {
        throw cause instanceof ApiError ? cause : storeUnavailable(cause);
      });
    if (!found) throw contentMissing();
    const url = await objects.presign(row.object_key, {
      expiresInMs: DOWNLOAD_LINK_MS,
      contentType: row.content_type,
      contentDisposition: attachment(row.name),
    });
    return { url, expiresAt: now() + DOWNLOAD_LINK_MS };
  }

  /** The record and the content behind a signed link. */
  async open(token: string): Promise<{ artifact: Artifact; read: (range?: ByteRange) => Promise<Readable> }> {
    const { links, staging } = this.#deps;
    const { sandboxId, key } = links.verify(token, 'artifact');
    const row = await this.#find(sandboxId, key ?? '');
    const read = async (range?: ByteRange): Promise<Readable> => {
      try {
        return await staging.open(row, range);
      } catch (error) {
        throw error instanceof ObjectMissingError ? contentMissing(error) : error;
      }
    };
    return { artifact: toArtifact(row), read };
  }

  async #find(sandboxId: string, key: string): Promise<ArtifactRow> {
    const row = await this.#deps.store.find(sandboxId, key);
    if (!row) throw new ApiError('ARTIFACT_NOT_FOUND');
    if (row.state === 'failed') throw contentMissing();
    return row;
  }

  async #sandbox(id: string): Promise<SandboxRow> {
    const sandbox = await this.#deps.findSandbox(id);
    if (!sandbox) throw new ApiError('SANDBOX_NOT_FOUND');
    return sandbox;
  }

  /** Most bytes a new artifact of an organization may have, and what is said of more. */
  async #limit(
    organizationId: string,
    size: number | undefined,
  ): Promise<{ maxBytes: number; tooLong: () => ApiError }> {
    const { quotaBytes, store } = this.#deps;
    const used = quotaBytes === 0 ? 0 : await store.bytesOf(organizationId);
    // One that is replaced makes room; how much is known when the new one is whole.
    if (quotaBytes > 0 && quotaBytes < MAX_ARTIFACT_BYTES)
      return { maxBytes: quotaBytes, tooLong: () => quotaExceeded(used, size ?? quotaBytes + 1, quotaBytes) };
    return {
      maxBytes: MAX_ARTIFACT_BYTES,
      tooLong: () =>
        new ApiError(
          'PAYLOAD_TOO_LARGE',
          `The content is longer than ${MAX_ARTIFACT_BYTES} bytes, the most an artifact may have.`,
        ),
    };
  }

  async #record(sandbox: SandboxRow, facts: ArtifactFacts, object: RecordedObject): Promise<Artifact> {
    const { store, onTransfer, quotaBytes } = this.#deps;
    const row = this.#row(sandbox, facts, object);
    await store.put(row, artifactEvent('published', row), quotaBytes);
    onTransfer();
    return toArtifact(row);
  }

  #row(
    sandbox: SandboxRow,
    { kind, source = null, ...facts }: ArtifactFacts,
    object: RecordedObject,
  ): ArtifactRow {
    const prefix = normalizeCapabilities(sandbox.capabilities).storage.artifactPrefix;
    const name = fileName(facts.name);
    const { contentType = '' } = facts;
    return {
      sandbox_id: sandbox.id,
      organization_id: sandbox.organization_id,
      key: [prefix, folders[kind], name].filter((part) => part !== null).join('/'),
      name,
      kind,
      state: object.state,
      size: object.size,
      content_type: CONTENT_TYPE.test(contentType) ? contentType : contentTypeOf(name),
      sha256: object.sha256,
      source: source === null ? null : storableText(source),
      object_key: object.key,
      owns_object: object.owned,
      created_at: this.#deps.now(),
    };
  }

  async #remove(row: ArtifactRow): Promise<boolean> {
    const removed = await this.#deps.store.remove(row, artifactEvent('deleted', row), this.#deps.now());
    this.#deps.onTransfer();
    return removed;
  }
}

/** A name that may have been made up in a sandbox, as the last part of a key. */
function fileName(name: string): string {
  const plain = storableText(name).replaceAll('/', '_').slice(0, MAX_NAME_LENGTH).toWellFormed();
  return plain === '' || plain === '.' || plain === '..' ? 'artifact' : plain;
}

function contentMissing(cause?: Error): ApiError {
  return new ApiError(
    'ARTIFACT_NOT_FOUND',
    'The record of this artifact is there, but its content is not: it was lost with a disk, or taken out of the object store.',
    { cause },
  );
}
