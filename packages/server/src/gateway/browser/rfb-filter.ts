import {
  isClipboardCaps,
  keyOf,
  messageLength,
  plainEncodings,
  pointerRelease,
  RFB,
  RfbViolation,
} from '@banata/protocol/box';

const SECURITY_NONE = 1;
const VERSION_BYTES = 12;
/** Keys that one viewer can hold; more fingers than this nobody has. */
const MAX_HELD_KEYS = 64;

/** What of a viewer's bytes goes on to the desktop. */
export interface Filtered {
  data: Buffer;
  /** Whether the person acted: a key, the mouse, the clipboard or a resize passed. */
  acted: boolean;
}

/**
 * Reads what one viewer sends to the desktop, message by message, and lets through only what it may send: pictures can
 * always be asked for; keys, mouse, clipboard and size only by who is in control. Pure: bytes in, bytes out.
 */
export class RfbFilter {
  #stage: 'version' | 'security' | 'init' | 'messages' = 'version';
  #pending: Buffer = Buffer.alloc(0);
  #maySteer = false;
  readonly #heldKeys = new Map<string, Buffer>();
  /** The newest pointer event, while it holds buttons. */
  #heldButtons: Buffer | undefined;

  /** @throws {RfbViolation} for what no viewer may send. */
  take(chunk: Buffer): Filtered {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const passed: Buffer[] = [];
    let acted = false;
    for (;;) {
      const length = this.#nextLength();
      if (length === undefined || this.#pending.length < length) break;
      const message = this.#pending.subarray(0, length);
      this.#pending = this.#pending.subarray(length);
      const forwarded = this.#stage === 'messages' ? this.#message(message) : this.#handshake(message);
      if (!forwarded) continue;
      passed.push(forwarded.data);
      acted ||= forwarded.acted;
    }
    return { data: Buffer.concat(passed), acted };
  }

  /** Says whether the viewer is in control. @returns bytes that let go what it holds when it no longer is. */
  setMaySteer(maySteer: boolean): Buffer {
    const ends = this.#maySteer && !maySteer;
    this.#maySteer = maySteer;
    return ends ? this.release() : Buffer.alloc(0);
  }

  get maySteer(): boolean {
    return this.#maySteer;
  }

  /** Bytes that let go of every key and button the viewer holds. */
  release(): Buffer {
    const messages = [...this.#heldKeys.values()];
    if (this.#heldButtons) messages.push(pointerRelease(this.#heldButtons));
    this.#heldKeys.clear();
    this.#heldButtons = undefined;
    return Buffer.concat(messages);
  }

  #nextLength(): number | undefined {
    switch (this.#stage) {
      case 'version':
        return VERSION_BYTES;
      case 'security':
      case 'init':
        return 1;
      case 'messages':
        return messageLength(this.#pending);
    }
  }

  #handshake(message: Buffer): Filtered {
    switch (this.#stage) {
      case 'version':
        // Before 3.7 the server chooses the security type, and this byte would be another message.
        if (!/^RFB 003\.00[78]\n$/.test(message.toString('latin1')))
          throw new RfbViolation('Only RFB 3.7 and 3.8 are spoken here.');
        this.#stage = 'security';
        return { data: message, acted: false };
      case 'security':
        if (message[0] !== SECURITY_NONE) throw new RfbViolation('The security type must be 1 (None).');
        this.#stage = 'init';
        return { data: message, acted: false };
      default:
        this.#stage = 'messages';
        // Shared, whatever was asked: nobody can put the other viewers out.
        return { data: Buffer.from([1]), acted: false };
    }
  }

  #message(message: Buffer): Filtered | undefined {
    switch (message[0]) {
      case RFB.setEncodings:
        return { data: plainEncodings(message), acted: false };
      case RFB.keyEvent:
      case RFB.qemu:
        return this.#steer(message, () => this.#noteKey(message));
      case RFB.pointerEvent:
        return this.#steer(message, () => {
          this.#heldButtons = message.readUInt8(1) === 0 ? undefined : Buffer.from(message);
          return true;
        });
      case RFB.clientCutText:
        if (isClipboardCaps(message)) return { data: message, acted: false };
        return this.#steer(message, () => true);
      case RFB.setDesktopSize:
        return this.#steer(message, () => true);
      default:
        return { data: message, acted: false };
    }
  }

  #steer(message: Buffer, note: () => boolean): Filtered | undefined {
    return this.#maySteer && note() ? { data: message, acted: true } : undefined;
  }

  /** False when the viewer holds too many keys already. */
  #noteKey(message: Buffer): boolean {
    const { id, down, release } = keyOf(message);
    if (!down) this.#heldKeys.delete(id);
    else if (this.#heldKeys.size >= MAX_HELD_KEYS && !this.#heldKeys.has(id)) return false;
    else this.#heldKeys.set(id, release);
    return true;
  }
}
