import { setTimeout as delay } from 'node:timers/promises';
import { chooseKeys } from './spare-keys.ts';
import { changeKeyboard } from './x-client.ts';

/** Programs have read a changed keyboard by then. */
const KEYBOARD_READ_MS = 150;

/**
 * The keyboard of the desktop, an American one. Gives keys to letters that it lacks before they are typed: the VNC
 * server would do so when they come, but programs drop what they get before they have read the new keyboard.
 */
export class Keyboard {
  #turn: Promise<unknown> = Promise.resolve();
  #given: ReadonlyMap<number, number> = new Map();
  #readAt = 0;

  /**
   * Resolves when programs know the keys of the symbols, to how many of them have one, from the first on.
   * @param display name of the X display. @param cookie the one that lets in to it.
   */
  async give(display: string, cookie: Buffer, keysyms: readonly number[]): Promise<number> {
    const turn = this.#turn.then(async () => {
      let ready = 0;
      const changed = await changeKeyboard(display, cookie, (keyboard) => {
        const choice = chooseKeys(keyboard, keysyms, this.#given);
        this.#given = choice.given;
        ready = choice.ready;
        return choice.changes;
      });
      if (changed) this.#readAt = performance.now() + KEYBOARD_READ_MS;
      return ready;
    });
    this.#turn = turn.catch(() => undefined);
    const ready = await turn;
    // Also when another caller has just given the key.
    const waitMs = this.#readAt - performance.now();
    if (waitMs > 0) await delay(waitMs);
    return ready;
  }
}
