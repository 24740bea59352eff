import type { BoxContextResult, CodeError, RichResult } from '@banata/protocol/box';
import type { KernelMessage } from './kernel-messages.ts';

const MAX_RESULTS = 100;
const MAX_RESULT_CHARS = 12 * 1024 * 1024;
const MAX_ERROR_CHARS = 200_000;

/** Listens to a run while it is under way. */
export interface RunObserver {
  onText?: (stream: 'stdout' | 'stderr', text: string) => void;
}

/** What a run gave so far, bounded. */
export class RunCollector {
  readonly #maxBytes: number;
  readonly #observer: RunObserver;
  readonly #text = { stdout: '', stderr: '' };
  readonly #results: RichResult[] = [];
  #resultChars = 0;
  #error: CodeError | null = null;
  #truncated = false;

  constructor(maxBytes: number, observer: RunObserver) {
    this.#maxBytes = maxBytes;
    this.#observer = observer;
  }

  addText(stream: 'stdout' | 'stderr', text: string): void {
    const room = this.#maxBytes - this.#text[stream].length;
    if (room <= 0) {
      this.#truncated = true;
      return;
    }
    const kept = text.slice(0, room);
    if (kept.length < text.length) this.#truncated = true;
    this.#text[stream] += kept;
    this.#observer.onText?.(stream, kept);
  }

  take(message: KernelMessage): void {
    switch (message.type) {
      case 'stream':
        return this.addText(message.name, message.text);
      case 'result':
        return this.#addResult(message.data, message.main);
      case 'error':
        return this.fail({
          name: message.name.slice(0, 200),
          value: message.value.slice(0, MAX_ERROR_CHARS),
          traceback: message.traceback.join('\n').slice(0, MAX_ERROR_CHARS).split('\n'),
        });
      case 'done':
        this.#truncated ||= message.truncated === true;
        return;
      case 'ready':
      case 'died':
        return;
    }
  }

  /** The first error is the one that is told. */
  fail(error: CodeError): void {
    this.#error ??= error;
  }

  finish(): Pick<BoxContextResult, 'stdout' | 'stderr' | 'results' | 'error' | 'truncated'> {
    return { ...this.#text, results: this.#results, error: this.#error, truncated: this.#truncated };
  }

  #addResult(data: Record<string, unknown>, isMain: boolean): void {
    this.#resultChars += JSON.stringify(data).length;
    if (this.#results.length >= MAX_RESULTS || this.#resultChars > MAX_RESULT_CHARS) {
      this.#truncated = true;
      return;
    }
    const text = (type: string): string | null => {
      const value = data[type];
      return typeof value === 'string' ? value : null;
    };
    this.#results.push({
      isMain,
      text: text('text/plain'),
      html: text('text/html'),
      markdown: text('text/markdown'),
      svg: text('image/svg+xml'),
      png: text('image/png')?.replaceAll('\n', '') ?? null,
      jpeg: text('image/jpeg')?.replaceAll('\n', '') ?? null,
      json: data['application/json'] ?? null,
      table: data['application/vnd.dataresource+json'] ?? null,
    });
  }
}
