import { ApiError, normalizeCapabilities, type Artifact } from '@banata/protocol';
import type { TaskReport } from '@banata/protocol/box';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import type { ArtifactRow, SandboxRow } from '../database/schema.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import type { LocalObjectStore, StoredObject } from '../stores/object-store.ts';
import type { Caller } from './access.ts';
import { contentTypeOf } from './content-type.ts';
import { requireDiskSpace } from './host-disk.ts';
import type { FileService } from './files.ts';
import type { Links } from './links.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

/** Largest artifact: 8 GiB. */
const MAX_ARTIFACT_BYTES = 8 * 1024 ** 3;

export interface ArtifactServiceDeps {
  sandboxes: SandboxService;
  files: FileService;
  store: ArtifactStore;
  objects: LocalObjectStore;
  links: Links;
  /** Folder on whose file system artifacts are kept. */
  home: string;
  now: () => number;
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
    options: { prefix?: string | undefined; limit: number; cursor?: string | undefined },
  ): Promise<{ data: Artifact[]; nextCursor: string | null }> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const { rows, nextCursor } = await this.#deps.store.list(sandbox.id, options);
    return { data: rows.map(toArtifact), nextCursor };
  }

  /** Copies a file out of the sandbox. Publishing under the same name again replaces the artifact. */
  async publish(
    caller: Caller,
    id: string,
    file: { path: string; name?: string | undefined },
    signal: AbortSignal,
  ): Promise<Artifact> {
    const sandbox = await this.#deps.sandboxes.findWorking(caller, id);
    const { body, headers } = await this.#deps.files.open(caller, id, file.path, signal);
    const object = await this.#keep(body, Number(headers['content-length'] ?? 0), signal);
    return this.#record(sandbox, object, {
      folder: 'files',
      name: file.name ?? posix.basename(file.path),
      kind: 'file',
      source: posix.resolve('/workspace', file.path),
    });
  }

  /** @param size what the sandbox says; what comes is counted. */
  async #keep(body: Readable, size: number, signal: AbortSignal): Promise<StoredObject> {
    try {
      if (size > MAX_ARTIFACT_BYTES) throw new RangeError('too long');
      await requireDiskSpace(this.#deps.home, size);
      return await this.#deps.objects.put(body, { maxBytes: MAX_ARTIFACT_BYTES, signal });
    } catch (cause) {
      body.destroy();
      if (!(cause instanceof RangeError)) throw cause;
      throw new ApiError(
        'PAYLOAD_TOO_LARGE',
        `The file is longer than ${MAX_ARTIFACT_BYTES} bytes, the most an artifact may have.`,
        { cause },
      );
    }
  }

  /** Keeps a task's completion report as JSON under `task-reports/`. */
  async keepReport(sandbox: SandboxRow, report: TaskReport, taskId: string | null): Promise<void> {
    const content = Buffer.from(JSON.stringify({ taskId, ...report }, undefined, 2));
    const signal = AbortSignal.timeout(10_000);
    const object = await this.#deps.objects.put(Readable.from([content]), {
      maxBytes: content.length,
      signal,
    });
    const name = `${taskId ?? report.completedAt}.json`;
    await this.#record(sandbox, object, { folder: 'task-reports', name, kind: 'task-report', source: null });
  }

  async link(caller: Caller, id: string, key: string): Promise<{ url: string; expiresAt: number }> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    if (!(await this.#deps.store.find(sandbox.id, key))) throw new ApiError('ARTIFACT_NOT_FOUND');
    return this.#deps.links.forArtifact(sandbox.id, key);
  }

  /** The record and the content behind a signed link. */
  async open(
    token: string,
  ): Promise<{ artifact: Artifact; read: (range?: { start: number; end: number }) => Readable }> {
    const { sandboxId, key } = this.#deps.links.verify(token, 'artifact');
    const row = await this.#deps.store.find(sandboxId, key ?? '');
    if (!row) throw new ApiError('ARTIFACT_NOT_FOUND');
    return { artifact: toArtifact(row), read: (range) => this.#deps.objects.read(row.object_key, range) };
  }

  async #record(
    sandbox: SandboxRow,
    object: StoredObject,
    { folder, ...about }: { folder: string; name: string; kind: Artifact['kind']; source: string | null },
  ): Promise<Artifact> {
    const prefix = normalizeCapabilities(sandbox.capabilities).storage.artifactPrefix;
    const artifact: Artifact = {
      ...about,
      key: [prefix, folder, about.name].filter((part) => part !== null).join('/'),
      size: object.size,
      sha256: object.sha256,
      contentType: contentTypeOf(about.name),
      createdAt: this.#deps.now(),
    };
    const replaced = await this.#deps.store.put(
      {
        sandbox_id: sandbox.id,
        organization_id: sandbox.organization_id,
        key: artifact.key,
        name: artifact.name,
        kind: artifact.kind,
        size: artifact.size,
        content_type: artifact.contentType,
        sha256: artifact.sha256,
        source: artifact.source,
        object_key: object.key,
        created_at: artifact.createdAt,
      },
      { type: 'sandbox.artifacts.updated', data: { artifact } },
    );
    if (replaced !== undefined) await this.#deps.objects.delete(replaced);
    return artifact;
  }
}

function toArtifact(row: ArtifactRow): Artifact {
  return {
    key: row.key,
    name: row.name,
    kind: row.kind,
    size: row.size,
    contentType: row.content_type,
    sha256: row.sha256,
    source: row.source,
    createdAt: row.created_at,
  };
}
