import { ApiError } from '@banata/protocol';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { EventSourceParserStream } from 'eventsource-parser/stream';

const HEARTBEAT_MS = 10_000;
/** Longest event of a box that is taken, characters. */
const MAX_EVENT_CHARS = 24 * 1024 * 1024;

export interface BoxStream {
  body: Readable;
  /** Called once, when the stream is over. */
  onEnd: () => void;
}

export interface RelayOptions {
  /** Shape of the data of each event that passes; other events are left out. */
  events: Record<string, z.ZodType>;
  /** The event with which the stream is whole. */
  last: string;
  /** How errors of the box are told. */
  toError: (error: unknown) => ApiError;
}

/**
 * Passes a box's server-sent events on, each parsed and none trusted, with a heartbeat while there are none. A stream
 * that breaks off ends with an event `error`, whose data is the body of an API error.
 */
export function relayEvents(source: BoxStream, options: RelayOptions): Response {
  let beat: NodeJS.Timeout | undefined;
  const finish = (): void => {
    clearInterval(beat);
    source.body.destroy();
    source.onEnd();
  };
  const frames = relayedFrames(source.body, options);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      beat = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(Buffer.from(': heartbeat\n\n'));
      }, HEARTBEAT_MS);
    },
    async pull(controller) {
      const { done, value } = await frames.next();
      if (!done) return controller.enqueue(Buffer.from(value));
      finish();
      controller.close();
    },
    cancel() {
      finish();
    },
  });
  return new Response(stream, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  });
}

async function* relayedFrames(body: Readable, options: RelayOptions): AsyncGenerator<string, undefined> {
  const parser = new EventSourceParserStream({ maxBufferSize: MAX_EVENT_CHARS });
  const writer = parser.writable.getWriter();
  const reader = parser.readable.getReader();
  const decoder = new TextDecoder();
  const feeding = (async () => {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      await writer.write(decoder.decode(chunk, { stream: true }));
    }
    await writer.close();
  })().catch((error: unknown) => writer.abort(error));
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new ApiError('SANDBOX_UNREACHABLE', 'The sandbox broke off its answer.');
      const frame = toFrame(value, options);
      if (frame !== undefined) yield frame;
      if (value.event === options.last) return;
    }
  } catch (error) {
    yield `event: error\ndata: ${JSON.stringify(options.toError(error).toBody())}\n\n`;
  } finally {
    body.destroy();
    await feeding.catch(() => undefined);
  }
}

function toFrame(
  event: { id?: string | undefined; event?: string | undefined; data: string },
  { events }: RelayOptions,
): string | undefined {
  const name = event.event ?? 'message';
  const schema = Object.hasOwn(events, name) ? events[name] : undefined;
  if (!schema) return undefined;
  const data: unknown = schema.parse(JSON.parse(event.data));
  const id = event.id !== undefined && /^[\w-]{1,64}$/.test(event.id) ? `id: ${event.id}\n` : '';
  return `${id}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
