import type { Transport } from './transport.ts';
import type { CallOptions, Conversion, ConversionOptions, DocumentFormat } from './types.ts';

/** What {@link SandboxDocuments.convert} takes. */
export interface ConvertOptions extends CallOptions {
  /** Format of the result. */
  to: DocumentFormat;
  /** Path of the result; an existing file is replaced. Default: beside the document, with the format as its ending. */
  output?: string;
  /** Pages, resolution, password, sheet and delimiter; each for the formats that it makes sense for. */
  options?: ConversionOptions;
  /** Also keep what was made as artifacts; the result has their keys. Default false. */
  publish?: boolean;
  /** The conversion ends after this long, ms, with the time it waits for others. Default 60,000, at most 600,000. */
  timeout?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** What publishing and the reply may take beyond the conversion's own limit, ms. */
const REPLY_MARGIN_MS = 60_000;

/** Documents of a sandbox with the capability `documents: { libreofficeHeadless: true }`. */
export class SandboxDocuments {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Converts a document of the sandbox.
   * @throws BanataError `DOCUMENTS_NOT_ENABLED`, `FILE_NOT_FOUND`, `CONVERSION_UNSUPPORTED`, `DOCUMENT_BROKEN`,
   * `DOCUMENT_ENCRYPTED`, `CONVERSION_FAILED`, `SANDBOX_TIMEOUT`.
   * @example
   * ```ts
   * const { path, pages } = await sandbox.documents.convert('/workspace/report.docx', { to: 'pdf' });
   * ```
   */
  convert(path: string, { signal, ...call }: ConvertOptions): Promise<Conversion> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/documents/convert',
      json: { ...call, id: this.#id, path },
      timeoutMs: (call.timeout ?? DEFAULT_TIMEOUT_MS) + REPLY_MARGIN_MS,
      signal,
    });
  }
}
