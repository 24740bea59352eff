import { boxConversionSchema, type BoxConversionResult, type BoxLimitsConfig } from '@banata/protocol/box';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { BoxError, type BoxRequest, type BoxRoute } from '../http/route.ts';
import type { BoxEnvironment, BoxLogger } from '../services.ts';
import { Converter } from './converter.ts';

const GIB = 1024 ** 3;
/** A conversion starts with 0.6 GiB of address space, most of it code that all share. */
const MIN_MEMORY_BYTES = 1.25 * GIB;
const MAX_MEMORY_BYTES = 2 * GIB;
/** What a conversion of an ordinary document really takes. */
const USUAL_MEMORY_BYTES = GIB / 2;
const MAX_PARALLEL = 4;

/** Status that codes of the converter answer with. */
const statuses: Record<string, number> = {
  FILE_NOT_FOUND: 404,
  PERMISSION_DENIED: 403,
  NOT_A_FILE: 400,
  NOT_A_DIRECTORY: 400,
  IS_DIRECTORY: 400,
  INVALID_PATH: 400,
  INVALID_FIELD: 400,
  CONVERSION_UNSUPPORTED: 400,
  DOCUMENT_BROKEN: 422,
  DOCUMENT_ENCRYPTED: 422,
  BOX_EXHAUSTED: 503,
  DISK_FULL: 507,
};

export interface DocumentsOptions {
  environment: BoxEnvironment;
  logger: BoxLogger;
  /** PATH without the user's folders: the programs that convert are the system's. */
  path: string;
  /** Command line of `banata-convert --serve`. */
  command: readonly [string, ...string[]];
  /** Whether the configuration switches it on. */
  enabled: () => boolean;
  limits: () => BoxLimitsConfig | undefined;
  /** Told when there was no room for a result. */
  diskFull: () => void;
}

export interface DocumentsService {
  routes: BoxRoute[];
  /** Gets ready ahead of the first document. */
  warm(): Promise<void>;
  stop(): Promise<void>;
}

/** Creates the part that converts documents: `POST /documents/convert`. */
export function createDocumentsService(options: DocumentsOptions): DocumentsService {
  const { environment, logger, path: systemPath, command, enabled, limits } = options;
  const converter = new Converter({
    host: { command, account: environment.accounts.user, path: systemPath },
    logger,
    parallel: () => parallelOf(limits()),
  });

  const convert = async (request: BoxRequest): Promise<BoxConversionResult> => {
    if (!enabled()) throw new BoxError(409, 'DOCUMENTS_OFF', 'Document processing is not enabled');
    const { path, to, output, options: wanted, timeoutMs } = await request.json(boxConversionSchema);
    const startedAt = performance.now();
    const source = resolve(environment.workspace, path);
    const job = {
      source,
      to,
      output: output === undefined ? undefined : resolve(environment.workspace, output),
      options: wanted,
    };
    const timeout = AbortSignal.timeout(timeoutMs);
    const answer = await converter
      .run(
        { job, memoryBytes: memoryOf(limits()), cpuSeconds: 2 * Math.ceil(timeoutMs / 1000) + 10 },
        AbortSignal.any([request.signal, timeout]),
      )
      .catch((error: unknown) => {
        throw timeout.aborted ? tooLate(timeoutMs) : error;
      });
    if (answer.type === 'failed') throw toError(answer, options.diskFull);
    const durationMs = Math.round(performance.now() - startedAt);
    return { source, outputs: answer.outputs, pages: answer.pages, durationMs };
  };

  return {
    routes: [{ method: 'POST', path: '/documents/convert', handle: convert }],
    warm: () => converter.warm(),
    stop: () => converter.stop(),
  };
}

/** What a conversion and each program it starts may take, so that one document cannot use up the box. */
function memoryOf(limits: BoxLimitsConfig | undefined): number {
  const box = limits?.memoryBytes ?? MAX_MEMORY_BYTES;
  return Math.round(Math.min(MAX_MEMORY_BYTES, Math.max(MIN_MEMORY_BYTES, box)));
}

function parallelOf(limits: BoxLimitsConfig | undefined): number {
  const processors = Math.ceil(Math.min(availableParallelism(), limits?.cpus ?? MAX_PARALLEL));
  const roomFor = Math.floor((limits?.memoryBytes ?? MAX_MEMORY_BYTES) / USUAL_MEMORY_BYTES);
  return Math.max(1, Math.min(MAX_PARALLEL, processors, roomFor));
}

function tooLate(timeoutMs: number): BoxError {
  const message = `The conversion took longer than its ${timeoutMs} ms, and was ended`;
  return new BoxError(504, 'CONVERSION_TIMEOUT', message);
}

function toError({ code, message }: { code: string; message: string }, diskFull: () => void): BoxError {
  if (code === 'DISK_FULL') diskFull();
  const status = statuses[code];
  return status === undefined
    ? new BoxError(422, 'CONVERSION_FAILED', message)
    : new BoxError(status, code, message);
}
