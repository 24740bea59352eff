/** One message of a `text/event-stream`. */
export interface ServerSentEvent {
  id: string | undefined;
  event: string;
  data: string;
}

/** Longest message taken, characters: what grows beyond is no message of ours. */
const MAX_MESSAGE_LENGTH = 16 * 1024 * 1024;

/** Splits a `text/event-stream` into messages, however its text is cut (WHATWG HTML, "Server-sent events"). */
export class SseParser {
  #rest = '';
  #id: string | undefined;
  #event = '';
  #data: string[] = [];
  #length = 0;

  /** @throws RangeError when a message has no end. */
  push(text: string): ServerSentEvent[] {
    this.#length += text.length;
    this.#rest += text;
    const events: ServerSentEvent[] = [];
    for (let line = this.#takeLine(); line !== undefined; line = this.#takeLine()) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    if (this.#length > MAX_MESSAGE_LENGTH)
      throw new RangeError('A server-sent event is longer than 16 Mi characters');
    return events;
  }

  #takeLine(): string | undefined {
    const end = this.#rest.search(/[\r\n]/);
    if (end < 0) return undefined;
    // A "\r" at the end of the text may be the first half of "\r\n".
    if (this.#rest[end] === '\r' && end === this.#rest.length - 1) return undefined;
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + (this.#rest.startsWith('\r\n', end) ? 2 : 1));
    return line;
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#finish();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id') this.#id = value;
    return undefined;
  }

  #finish(): ServerSentEvent | undefined {
    const event = { id: this.#id, event: this.#event || 'message', data: this.#data.join('\n') };
    const hasData = this.#data.length > 0;
    this.#event = '';
    this.#data = [];
    this.#length = this.#rest.length;
    return hasData ? event : undefined;
  }
}
