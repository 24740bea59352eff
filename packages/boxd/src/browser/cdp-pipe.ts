import type { Readable, Writable } from 'node:stream';

/** Longest message taken from the browser, bytes; a full-page screenshot in base64 stays far below. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

/**
 * The two ends of Chromium's `--remote-debugging-pipe`: CDP messages, each ended by a NUL byte.
 * See `content/browser/devtools/devtools_pipe_handler.cc` in Chromium.
 */
export class CdpPipe {
  readonly #input: Writable;
  #chunks: Buffer[] = [];
  #length = 0;

  /** @param onEnd called once or more when the pipe is closed, broken or carries an overlong message. */
  constructor(
    input: Writable,
    output: Readable,
    onMessage: (text: string) => void,
    onEnd: (reason: string) => void,
  ) {
    this.#input = input;
    input.on('error', (error) => onEnd(error.message));
    output.on('error', (error) => onEnd(error.message));
    output.on('close', () => onEnd('the debugging pipe was closed'));
    output.on('data', (chunk: Buffer) => {
      let start = 0;
      for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, start)) {
        this.#push(chunk.subarray(start, end));
        start = end + 1;
        onMessage(this.#take());
      }
      this.#push(chunk.subarray(start));
      if (this.#length > MAX_MESSAGE_BYTES) {
        this.#take();
        output.destroy();
        onEnd(`a message was longer than ${MAX_MESSAGE_BYTES} bytes`);
      }
    });
  }

  /** Bytes that the browser has not taken yet. */
  get backlog(): number {
    return this.#input.writableLength;
  }

  send(text: string): void {
    if (this.#input.writable) this.#input.write(`${text}\0`);
  }

  /** Calls back when the browser has taken what was sent, or the pipe is gone. */
  whenDrained(callback: () => void): void {
    if (!this.#input.writableNeedDrain) {
      queueMicrotask(callback);
      return;
    }
    const done = (): void => {
      this.#input.off('drain', done);
      this.#input.off('close', done);
      callback();
    };
    this.#input.on('drain', done);
    this.#input.on('close', done);
  }

  #push(part: Buffer): void {
    if (part.length === 0) return;
    this.#chunks.push(part);
    this.#length += part.length;
  }

  #take(): string {
    const text = Buffer.concat(this.#chunks, this.#length).toString('utf8');
    this.#chunks = [];
    this.#length = 0;
    return text;
  }
}
