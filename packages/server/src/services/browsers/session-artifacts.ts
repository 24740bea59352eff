import { newId, type BrowserSession, type SessionArtifact } from '@banata/protocol';
import { Readable } from 'node:stream';
import type { Boxes } from '../../boxes/boxes.ts';
import type { ArtifactRow } from '../../database/tables/lasting.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { ArtifactStore } from '../../stores/artifact-store.ts';
import type { Caller } from '../access.ts';
import type { ArtifactService } from '../artifacts.ts';
import type { Links } from '../links.ts';
import { ownerOf } from './owner-of.ts';

const CALL_TIMEOUT_MS = 20_000;
/** A picture of the largest desktop takes a few MiB. */
const MAX_PICTURE_BYTES = 32 * 1024 * 1024;
/** Of pictures, one session keeps this many; those taken later are answered, and not kept. */
const MAX_PICTURES = 100;
const KINDS: ArtifactRow['kind'][] = ['screenshot', 'har', 'recording'];

export interface SessionArtifactsDeps {
  artifacts: Pick<ArtifactService, 'publishStream'>;
  artifactStore: ArtifactStore;
  links: Links;
  boxes: Boxes;
  logger: Logger;
}

/** What browser sessions leave behind: pictures, the HAR file and films. */
export class SessionArtifacts {
  readonly #deps: SessionArtifactsDeps;

  constructor(deps: SessionArtifactsDeps) {
    this.#deps = deps;
  }

  /**
   * Of each session what there is by now, with links to it. Films of a paired browser are its sandbox's, and shown to
   * those alone who may read that.
   */
  async of(
    rows: SandboxRow[],
    { scopes }: Pick<Caller, 'scopes'>,
  ): Promise<(row: SandboxRow) => BrowserSession['artifacts']> {
    const readsSandboxes = scopes === null || scopes.includes('sandbox_sessions:read');
    const readable = rows.filter((row) => row.paired_with === null || readsSandboxes);
    const kept = await this.#deps.artifactStore.listOfKinds(readable.map(ownerOf), KINDS);
    return (row) => {
      const mine = kept.filter(({ sandbox_id: id }) => id === ownerOf(row));
      const ofKind = (kind: ArtifactRow['kind']): SessionArtifact[] =>
        mine.filter((artifact) => artifact.kind === kind).map((artifact) => this.#view(artifact));
      return {
        screenshots: ofKind('screenshot'),
        har: ofKind('har').at(-1) ?? null,
        recording: ofKind('recording').at(-1) ?? null,
      };
    };
  }

  /** Keeps the HAR file and a picture of the last page of a session that ends. Never rejects. */
  async keepLast(row: SandboxRow, signal: AbortSignal): Promise<void> {
    const { har, screenshots } = row.browser_session ?? {};
    if (screenshots === true) await this.#quietly(row, 'screenshot', () => this.#lastPicture(row, signal));
    if (har === true) await this.#quietly(row, 'har', () => this.#har(row, signal));
  }

  /** Passes a picture on to its caller, and keeps it where the session asked for that. */
  async withPicture(row: SandboxRow, format: 'png' | 'jpeg', body: Readable): Promise<Readable> {
    if (row.browser_session?.screenshots !== true) return body;
    const picture = await bounded(body);
    await this.#quietly(row, 'screenshot', () => this.#keepPicture(row, format, picture));
    return Readable.from([picture], { objectMode: false });
  }

  async #lastPicture(row: SandboxRow, signal: AbortSignal): Promise<void> {
    const { body } = await this.#deps.boxes.stream(row, {
      method: 'GET',
      path: '/browser/screenshot',
      query: { format: 'png' },
      timeoutMs: CALL_TIMEOUT_MS,
      signal,
    });
    await this.#keepPicture(row, 'png', await bounded(body));
  }

  async #keepPicture(row: SandboxRow, format: 'png' | 'jpeg', picture: Buffer): Promise<void> {
    const { artifacts, artifactStore } = this.#deps;
    const taken = await artifactStore.listOfKinds([ownerOf(row)], ['screenshot']);
    if (taken.length >= MAX_PICTURES) return;
    await artifacts.publishStream({
      sandboxId: ownerOf(row),
      name: `${newId()}.${format === 'png' ? 'png' : 'jpg'}`,
      kind: 'screenshot',
      contentType: `image/${format}`,
      body: Readable.from([picture], { objectMode: false }),
      size: picture.length,
    });
  }

  async #har(row: SandboxRow, signal: AbortSignal): Promise<void> {
    const { boxes, artifacts } = this.#deps;
    const { body } = await boxes.stream(row, {
      method: 'GET',
      path: '/browser/har',
      timeoutMs: CALL_TIMEOUT_MS,
      signal,
    });
    await artifacts.publishStream({
      sandboxId: ownerOf(row),
      name: `${row.id}.har`,
      kind: 'har',
      contentType: 'application/json',
      body,
      signal,
    });
  }

  async #quietly(row: SandboxRow, what: string, keep: () => Promise<void>): Promise<void> {
    await keep().catch((error: unknown) =>
      this.#deps.logger.warn(
        { event: 'session-artifact.not-kept', sessionId: row.id, what, err: error },
        'something a browser session leaves behind was not kept',
      ),
    );
  }

  #view(artifact: ArtifactRow): SessionArtifact {
    const { key, size, content_type: contentType, created_at: createdAt } = artifact;
    const { url } = this.#deps.links.forArtifact(artifact.sandbox_id, key);
    return { key, contentType, size, createdAt, url };
  }
}

async function bounded(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAX_PICTURE_BYTES) throw new Error('The picture is longer than one can be.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
