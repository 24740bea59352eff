import { BanataError } from './error.ts';
import { SseParser, type ServerSentEvent } from './sse-parser.ts';

/** Of a stream with heartbeats every 10 s: silent for three of them, it is dead. */
const SILENCE_LIMIT_MS = 30_000;

/**
 * Events of a response, until `last` has come.
 * @throws BanataError of an event `error`; NETWORK_ERROR when the stream breaks off.
 */
export async function* readSse(response: Response, last: string): AsyncGenerator<ServerSentEvent, void> {
  const reader = response.body?.getReader();
  if (!reader) throw brokenOff();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  let silent = false;
  const onSilence = (): void => {
    silent = true;
    void reader.cancel().catch(() => undefined);
  };
  let silence = setTimeout(onSilence, SILENCE_LIMIT_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw brokenOff(cause);
      });
      if (done || silent) throw brokenOff();
      clearTimeout(silence);
      silence = setTimeout(onSilence, SILENCE_LIMIT_MS);
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        if (event.event === 'error') throw errorOf(event.data);
        yield event;
        if (event.event === last) return;
      }
    }
  } finally {
    clearTimeout(silence);
    await reader.cancel().catch(() => undefined);
  }
}

function brokenOff(cause?: unknown): BanataError {
  return new BanataError({ status: 0, code: 'NETWORK_ERROR', message: 'The stream broke off', cause });
}

/** The body of an API error; the code is the server's. */
function errorOf(data: string): BanataError {
  try {
    const { error, code, suggestion } = JSON.parse(data) as Record<string, string | undefined>;
    return new BanataError({
      status: 0,
      code: code ?? 'NETWORK_ERROR',
      message: error ?? 'The stream ended with an error',
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  } catch (cause) {
    return brokenOff(cause);
  }
}
