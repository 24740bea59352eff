import {
  ApiError,
  normalizeCapabilities,
  type Conversion,
  type convertDocumentSchema,
} from '@banata/protocol';
import { boxConversionResultSchema } from '@banata/protocol/box';
import type { z } from 'zod';
import type { Boxes } from '../boxes/boxes.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { Caller } from './access.ts';
import type { ActivityService } from './activity.ts';
import type { ArtifactService } from './artifacts.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

/** The box ends a conversion at its timeout; the server waits this much longer for the word of it. */
const REPLY_GRACE_MS = 5_000;
/** Files of one conversion that are published at the same time. */
const PUBLISHED_AT_ONCE = 4;

export interface DocumentServiceDeps {
  sandboxes: SandboxService;
  store: SandboxStore;
  boxes: Boxes;
  activity: ActivityService;
  artifacts: Pick<ArtifactService, 'publish'>;
  now: () => number;
}

/** Documents of a sandbox in other formats. The box converts, with the rights of its ordinary user. */
export class DocumentService {
  readonly #deps: DocumentServiceDeps;

  constructor(deps: DocumentServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Converts one document; aborting the signal ends the conversion.
   * @throws {ApiError} DOCUMENTS_NOT_ENABLED, CONVERSION_UNSUPPORTED, DOCUMENT_BROKEN, DOCUMENT_ENCRYPTED,
   * CONVERSION_FAILED, SANDBOX_TIMEOUT and those of files.
   */
  async convert(
    caller: Caller,
    input: z.output<typeof convertDocumentSchema>,
    signal: AbortSignal,
  ): Promise<Conversion> {
    const { sandboxes, activity, boxes } = this.#deps;
    const row = await sandboxes.findWorking(caller, input.id);
    if (!normalizeCapabilities(row.capabilities).documents.libreofficeHeadless)
      throw new ApiError('DOCUMENTS_NOT_ENABLED');
    const done = activity.begin(row.id);
    try {
      const { path, to, output, options, timeout } = input;
      const result = await boxes.json(row, boxConversionResultSchema, {
        method: 'POST',
        path: '/documents/convert',
        json: { path, to, output, options, timeoutMs: timeout },
        timeoutMs: timeout + REPLY_GRACE_MS,
        signal,
      });
      await this.#tell(row, {
        source: result.source,
        outputs: result.outputs.map((made) => made.path),
        format: to,
      });
      const keys = input.publish ? await this.#publish(caller, row, result.outputs, signal) : undefined;
      const outputs = result.outputs.map((made, index) => withKey(made, keys?.[index]));
      const [first] = outputs;
      if (first === undefined) throw new Error('a conversion makes at least one file');
      const pages = result.pages === null ? {} : { pages: result.pages };
      return { ...first, outputs, ...pages, durationMs: result.durationMs };
    } finally {
      done();
    }
  }

  async #tell(row: SandboxRow, data: { source: string; outputs: string[]; format: string }): Promise<void> {
    const now = this.#deps.now();
    const event = { type: 'sandbox.document.converted' as const, data };
    await this.#deps.store.update(row.id, { last_activity_at: now }, [event], now);
  }

  async #publish(
    caller: Caller,
    row: SandboxRow,
    outputs: readonly { path: string }[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const keys: string[] = [];
    for (let start = 0; start < outputs.length; start += PUBLISHED_AT_ONCE) {
      const published = outputs
        .slice(start, start + PUBLISHED_AT_ONCE)
        .map(({ path }) => this.#deps.artifacts.publish(caller, row.id, { path }, signal));
      keys.push(...(await Promise.all(published)).map(({ key }) => key));
    }
    return keys;
  }
}

function withKey<T extends object>(made: T, artifactKey: string | undefined): T & { artifactKey?: string } {
  return artifactKey === undefined ? made : { ...made, artifactKey };
}
