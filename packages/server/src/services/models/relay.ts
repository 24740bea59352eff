import type { KeyMask } from './key-mask.ts';
import type { UsageMeter } from './usage-meter.ts';

/** How an answer ended. */
export type RelayOutcome = 'completed' | 'client_closed' | 'upstream_failed';

interface RelayOptions {
  mask: KeyMask;
  meter: UsageMeter;
  /** Called once, when the last byte has passed or the stream broke. */
  onEnd: (outcome: RelayOutcome) => void;
  /** Breaks the connection to the reader, where there is one, so that a cut answer does not look whole. */
  cut?: (() => void) | undefined;
}

/** Passes an answer through at the pace of its reader, masking the key and watching the usage. */
export function relay(body: AsyncIterable<Uint8Array>, options: RelayOptions): ReadableStream<Uint8Array> {
  const { mask, meter, onEnd, cut } = options;
  const iterator = body[Symbol.asyncIterator]();

  const nextBytes = async (): Promise<Uint8Array | null> => {
    for (;;) {
      const next = await iterator.next();
      const bytes = next.done === true ? mask.end() : mask.push(next.value);
      meter.feed(bytes);
      if (bytes.length > 0) return bytes;
      if (next.done === true) return null;
    }
  };

  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      const bytes = await nextBytes();
      if (bytes !== null) return controller.enqueue(bytes);
      onEnd('completed');
      controller.close();
    } catch {
      onEnd('upstream_failed');
      // An errored stream would do too, but the HTTP adapter then writes an error text into the answer and to the console.
      cut?.();
      if (cut === undefined) controller.error(new Error('The answer of the model server broke off'));
      else controller.close();
    }
  };

  // No read-ahead: what the box does not read is not fetched from the model server.
  return new ReadableStream({ pull, cancel: () => onEnd('client_closed') }, { highWaterMark: 0 });
}
