import type { KeyMask } from './key-mask.ts';
import type { UsageHider } from './usage-hider.ts';
import type { UsageMeter } from './usage-meter.ts';

/** How an answer ended. */
export type RelayOutcome = 'completed' | 'client_closed' | 'upstream_failed';

interface RelayOptions {
  mask: KeyMask;
  meter: UsageMeter;
  /** Takes out what the reader is not to see; null: nothing. */
  hider: UsageHider | null;
  /** Called once, when the last byte has passed or the stream broke, with how many the model server sent. */
  onEnd: (outcome: RelayOutcome, passed: number) => void;
  /** Breaks the connection to the reader, where there is one, so that a cut answer does not look whole. */
  cut?: (() => void) | undefined;
}

/** An answer on its way. */
interface Relayed {
  stream: ReadableStream<Uint8Array>;
  /** Bytes that came from the model server so far. */
  passed: () => number;
}

/** Passes an answer through at the pace of its reader, masking the key and watching the usage. */
export function relay(body: AsyncIterable<Uint8Array>, options: RelayOptions): Relayed {
  const { mask, meter, hider, onEnd, cut } = options;
  let passed = 0;
  const iterator = body[Symbol.asyncIterator]();

  const nextBytes = async (): Promise<Uint8Array | null> => {
    for (;;) {
      const next = await iterator.next();
      const bytes = next.done === true ? mask.end() : mask.push(next.value);
      meter.feed(bytes);
      passed += bytes.length;
      const shown = hider === null ? bytes : hider.push(bytes);
      if (shown.length > 0) return shown;
      if (next.done !== true) continue;
      const rest = hider?.end();
      return rest === undefined || rest.length === 0 ? null : rest;
    }
  };

  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      const bytes = await nextBytes();
      if (bytes !== null) return controller.enqueue(bytes);
      onEnd('completed', passed);
      controller.close();
    } catch {
      onEnd('upstream_failed', passed);
      // An errored stream would do too, but the HTTP adapter then writes an error text into the answer and to the console.
      cut?.();
      if (cut === undefined) controller.error(new Error('The answer of the model server broke off'));
      else controller.close();
    }
  };

  // No read-ahead: what the box does not read is not fetched from the model server.
  const cancel = (): void => onEnd('client_closed', passed);
  return {
    stream: new ReadableStream({ pull, cancel }, { highWaterMark: 0 }),
    passed: () => passed,
  };
}
