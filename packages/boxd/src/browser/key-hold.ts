import { keyOf, messageLength, RFB } from '@banata/protocol/box';

/** What a viewer says before its first message: version, security type, shared flag (RFC 6143, 7.1 to 7.3). */
const HELLO_BYTES = 14;
/** Different letters that get their keys in one go. */
const MAX_PRESSES = 16;
/** From this age on a message waits for no more keys. */
const MAX_HOLD_MS = 500;

/** Whole messages that go on together, and the foreign letters that are pressed in them. */
interface Stretch {
  data: Buffer;
  presses: Set<number>;
  /** When it goes on as it is. */
  until: number;
}

export interface KeyHoldOptions {
  /** Takes the bytes, in their order. */
  send(data: Buffer): void;
  /** Gives letters their keys; resolves when they can be pressed. */
  prepare(keysyms: number[]): Promise<unknown>;
  /** Nothing is held back any more. */
  onDrained(): void;
}

/** Holds back what a viewer sends from the press of a letter on that the keyboard may lack, until it has its key. */
export class KeyHold {
  readonly #options: KeyHoldOptions;
  readonly #queue: Stretch[] = [];
  #pending: Buffer = Buffer.alloc(0);
  #hello = HELLO_BYTES;
  #isHolding = false;

  constructor(options: KeyHoldOptions) {
    this.#options = options;
  }

  /** Whether something is held back. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** @throws {RfbViolation} for messages that are not known. */
  take(chunk: Buffer): void {
    this.#queue.push(...this.#stretches(chunk));
    if (!this.#isHolding) void this.#drain();
  }

  /** Drops what is held back. */
  close(): void {
    this.#queue.length = 0;
  }

  async #drain(): Promise<void> {
    this.#isHolding = true;
    for (let stretch = this.#queue[0]; stretch; stretch = this.#queue[0]) {
      if (stretch.presses.size > 0 && performance.now() < stretch.until) {
        await this.#prepare();
        continue;
      }
      this.#queue.shift();
      this.#options.send(stretch.data);
    }
    this.#isHolding = false;
    this.#options.onDrained();
  }

  /** Gives the first letters in the queue their keys; those that came meanwhile are not to wait one after the other. */
  async #prepare(): Promise<void> {
    const letters = new Set<number>();
    const together = this.#queue.filter(({ presses }, index) => {
      if (index > 0 && letters.size + presses.size > MAX_PRESSES) return false;
      for (const keysym of presses) letters.add(keysym);
      return true;
    });
    // Without a key of before the VNC server gives one; only this press may be lost then.
    await this.#options.prepare([...letters]).catch(() => undefined);
    for (const { presses } of together) presses.clear();
  }

  #stretches(chunk: Buffer): Stretch[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const hello = Math.min(this.#hello, this.#pending.length);
    this.#hello -= hello;
    const stretches: Stretch[] = [];
    const until = performance.now() + MAX_HOLD_MS;
    let presses = new Set<number>();
    let [from, at] = [0, hello];
    const cut = (): void => {
      if (at > from) stretches.push({ data: this.#pending.subarray(from, at), presses, until });
      from = at;
      presses = new Set();
    };
    while (at < this.#pending.length) {
      const length = messageLength(this.#pending.subarray(at));
      if (length === undefined || at + length > this.#pending.length) break;
      const keysym = foreignPress(this.#pending.subarray(at, at + length));
      if (keysym !== undefined) {
        // What came before it need not wait.
        if (presses.size === 0 || presses.size >= MAX_PRESSES) cut();
        presses.add(keysym);
      }
      at += length;
    }
    cut();
    this.#pending = this.#pending.subarray(at);
    return stretches;
  }
}

/** Symbol of a letter that an American keyboard lacks, when the message presses one. */
function foreignPress(message: Buffer): number | undefined {
  if (message[0] !== RFB.keyEvent && message[0] !== RFB.qemu) return undefined;
  if (!keyOf(message).down) return undefined;
  const keysym = message.readUInt32BE(4);
  // X11/keysymdef.h: letters of old standards lie below the keys for functions, those of Unicode above 0x01000000.
  const isOld = keysym >= 0xa0 && keysym < 0xfd00;
  return isOld || (keysym >= 0x01000000 && keysym <= 0x0110ffff) ? keysym : undefined;
}
