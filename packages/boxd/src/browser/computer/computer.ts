import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { BoxComputerAction, BoxCursor } from '@banata/protocol/box';
import { BoxError } from '../../http/route.ts';
import type { Account } from '../../services.ts';
import type { ScreenshotFormat } from '../browser-control.ts';
import type { DesktopFiles } from '../desktop-files.ts';
import type { Keyboard } from '../keyboard.ts';
import { playInput } from '../rfb-client.ts';
import { queryPointer } from '../x-client.ts';
import { stepsOf } from './input-steps.ts';
import { keysymOf } from './keysyms.ts';

const SCREENSHOT_TIMEOUT_MS = 10_000;
const MAX_SCREENSHOT_BYTES = 64 * 1024 * 1024;
/** Acts that may wait for the ones before them. */
const MAX_WAITING = 100;

/** Different characters typed in one go that the keyboard has no key for. */
const MAX_FOREIGN = 24;
/** Programs have taken the keys sent to them by then. */
const KEYS_TAKEN_MS = 150;

/** The longest a text may take; what a character takes beside its pause, and what it takes more to give it a key. */
const MAX_TYPING_MS = 40_000;
const CHARACTER_MS = 3;
const FOREIGN_MS = 35;

const CODEC: Record<ScreenshotFormat, string[]> = {
  // The quickest level: pictures are looked at once.
  png: ['-c:v', 'png', '-compression_level', '1'],
  jpeg: ['-c:v', 'mjpeg', '-q:v', '4'],
};

/** Where a desktop can be reached. */
export interface DesktopPlace {
  files: DesktopFiles;
  /** Name of its X display. */
  display: string;
  account: Account;
}

/** Keyboard, mouse and picture of the desktop; one act at a time. */
export class Computer {
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  readonly #keyboard: Keyboard;

  constructor(keyboard: Keyboard) {
    this.#keyboard = keyboard;
  }

  /** Resolves to where the mouse is then. @throws BoxError 400 for what cannot be done, 429 when too many wait. */
  act(place: DesktopPlace, action: BoxComputerAction, mayAct: () => void): Promise<BoxCursor> {
    if (this.#waiting >= MAX_WAITING) {
      const text = `${MAX_WAITING} acts wait for their turn, the most allowed; wait for replies.`;
      return Promise.reject(new BoxError(429, 'BOX_EXHAUSTED', text));
    }
    this.#waiting += 1;
    const turn = this.#turn.then(async () => {
      if (action.action === 'type') await this.#type(place, action, mayAct);
      else await this.#play(place, action, mayAct);
      return this.cursor(place);
    });
    this.#turn = turn.catch(() => undefined).finally(() => (this.#waiting -= 1));
    return turn;
  }

  cursor({ display, files }: DesktopPlace): Promise<BoxCursor> {
    return queryPointer(display, files.cookie);
  }

  async #play(place: DesktopPlace, action: BoxComputerAction, mayAct: () => void): Promise<void> {
    const cursor = await this.cursor(place);
    await playInput(place.files.rfbSocket, (size) => stepsOf(action, cursor, size), mayAct);
  }

  /** Types in stretches of as many different foreign characters as there are keys to spare. */
  async #type(
    place: DesktopPlace,
    { text, ...action }: Extract<BoxComputerAction, { action: 'type' }>,
    mayAct: () => void,
  ): Promise<void> {
    const { display, files } = place;
    let rest = Array.from(text);
    const foreignCount = rest.filter(isForeign).length;
    const expectedMs = rest.length * (action.delayMs + CHARACTER_MS) + foreignCount * FOREIGN_MS;
    if (expectedMs > MAX_TYPING_MS) {
      const seconds = (ms: number): number => Math.ceil(ms / 1000);
      const told = `Typing this would take ${seconds(expectedMs)} s, and ${seconds(MAX_TYPING_MS)} s are the most; send it in parts.`;
      throw new BoxError(400, 'INVALID_REQUEST', told);
    }
    while (rest.length > 0) {
      const { foreign } = nextStretch(rest, MAX_FOREIGN);
      let keys = 0;
      if (foreign.length > 0) {
        keys = await this.#keyboard.give(display, files.cookie, foreign.map(keysymOf));
        if (keys === 0)
          throw new BoxError(502, 'DESKTOP_UNAVAILABLE', 'The keyboard of the desktop has no key to spare.');
      }
      const { stretch } = nextStretch(rest, keys);
      await this.#play(place, { ...action, text: stretch.join('') }, mayAct);
      rest = rest.slice(stretch.length);
      // Programs read the keyboard again at the next change, and still have keys to take.
      if (rest.length > 0) await delay(KEYS_TAKEN_MS);
    }
  }

  /** Picture of the whole desktop with the pointer. */
  screenshot({ display, files, account }: DesktopPlace, format: ScreenshotFormat): Promise<Buffer> {
    const input = ['-f', 'x11grab', '-draw_mouse', '1', '-i', display];
    const args = ['-loglevel', 'error', '-nostdin', ...input, '-frames:v', '1', ...CODEC[format]];
    const options = {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', HOME: account.home, XAUTHORITY: files.authority },
      timeout: SCREENSHOT_TIMEOUT_MS,
      killSignal: 'SIGKILL' as const,
      maxBuffer: MAX_SCREENSHOT_BYTES,
      encoding: 'buffer' as const,
    };
    return new Promise((resolve, reject) => {
      execFile('ffmpeg', [...args, '-f', 'image2pipe', '-'], options, (error, stdout, stderr) => {
        if (!error && stdout.length > 0) return resolve(stdout);
        const why = stderr.toString('utf8').trim().slice(-300) || (error?.message ?? 'no picture');
        reject(new BoxError(502, 'DESKTOP_UNAVAILABLE', `The desktop gave no picture: ${why}`));
      });
    });
  }
}

/** The longest beginning of a text with at most so many different characters that the keyboard has no key for. */
function nextStretch(characters: string[], most: number): { stretch: string[]; foreign: string[] } {
  const foreign = new Set<string>();
  for (const [index, character] of characters.entries()) {
    if (!isForeign(character)) continue;
    if (foreign.size >= most && !foreign.has(character))
      return { stretch: characters.slice(0, index), foreign: [...foreign] };
    foreign.add(character);
  }
  return { stretch: characters, foreign: [...foreign] };
}

/** Whether the keyboard, an American one, has no key for it. */
function isForeign(character: string): boolean {
  return (character.codePointAt(0) ?? 0) >= 0x7f;
}
