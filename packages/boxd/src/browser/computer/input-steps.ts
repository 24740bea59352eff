import type { BoxComputerAction, BoxCursor, MouseButton, Viewport } from '@banata/protocol/box';
import { BoxError } from '../../http/route.ts';
import { chordOf, keysymOf } from './keysyms.ts';

/** A message to the VNC server (RFC 6143, 7.5), or a pause in ms. */
export type InputStep = Buffer | number;

/** Programs tell two clicks from a double click, and a drag from a click, by time. */
const CLICK_GAP_MS = 40;
/** Chromium takes presses of one and the same millisecond for one. */
const REPEAT_GAP_MS = 10;
const MOVE_GAP_MS = 8;
const WHEEL_GAP_MS = 5;
const CHARACTER_GAP_MS = 2;
const MOVES_PER_STRETCH = 10;

/** Bits of RFB's button mask; the wheel is four buttons. */
const BUTTON: Record<MouseButton, number> = { left: 1, middle: 2, right: 4 };
const WHEEL = { up: 8, down: 16, left: 32, right: 64 };

/** What is sent for one act. `cursor` is where the mouse is. @throws BoxError 400 `INVALID_KEY`, `OUTSIDE_DESKTOP`. */
export function stepsOf(action: BoxComputerAction, cursor: BoxCursor, size: Viewport): InputStep[] {
  switch (action.action) {
    case 'move':
      return [pointer(inside(action, size), 0)];
    case 'click':
      return click(action, inside({ ...cursor, ...given(action) }, size));
    case 'drag':
      return drag(
        action.points.map((point) => inside(point, size)),
        BUTTON[action.button],
      );
    case 'scroll':
      return scroll(action, inside({ ...cursor, ...given(action) }, size));
    case 'type':
      return Array.from(action.text.replaceAll('\r\n', '\n')).flatMap((character) => {
        const keysym = keysymOf(character);
        return [key(keysym, true), key(keysym, false), Math.max(CHARACTER_GAP_MS, action.delayMs)];
      });
    case 'key':
      return held(chordOf(action.keys), [CLICK_GAP_MS]);
  }
}

function given({ x, y }: { x?: number | undefined; y?: number | undefined }): Partial<BoxCursor> {
  return { ...(x === undefined ? {} : { x }), ...(y === undefined ? {} : { y }) };
}

function inside({ x, y }: BoxCursor, { width, height }: Viewport): BoxCursor {
  if (x < width && y < height) return { x, y };
  throw new BoxError(
    400,
    'OUTSIDE_DESKTOP',
    `(${x}, ${y}) lies outside the desktop of ${width} × ${height}.`,
  );
}

function click(
  { button, clicks, keys }: Extract<BoxComputerAction, { action: 'click' }>,
  at: BoxCursor,
): InputStep[] {
  const [down, up] = [pointer(at, BUTTON[button]), pointer(at, 0)];
  // Few pauses: a busy machine draws each of them out, until a double click is two clicks.
  const before = Array.from({ length: clicks - 1 }, () => [Buffer.concat([down, up]), REPEAT_GAP_MS]).flat();
  const all = [up, MOVE_GAP_MS, ...before, down, CLICK_GAP_MS, up, CLICK_GAP_MS];
  return keys === undefined ? all : held(chordOf(keys), all);
}

function drag(path: BoxCursor[], mask: number): InputStep[] {
  const [from, ...rest] = path;
  if (!from) return [];
  const steps: InputStep[] = [pointer(from, 0), MOVE_GAP_MS, pointer(from, mask), CLICK_GAP_MS];
  let before = from;
  for (const to of rest) {
    for (let part = 1; part <= MOVES_PER_STRETCH; part += 1) {
      const along = (a: number, b: number): number => Math.round(a + ((b - a) * part) / MOVES_PER_STRETCH);
      steps.push(pointer({ x: along(before.x, to.x), y: along(before.y, to.y) }, mask), MOVE_GAP_MS);
    }
    before = to;
  }
  return [...steps, CLICK_GAP_MS, pointer(before, 0)];
}

function scroll({ dx, dy }: { dx: number; dy: number }, at: BoxCursor): InputStep[] {
  const notches = (count: number, mask: number): InputStep[] =>
    Array.from({ length: Math.abs(count) }, () => [pointer(at, mask), pointer(at, 0), WHEEL_GAP_MS]).flat();
  return [
    pointer(at, 0),
    MOVE_GAP_MS,
    ...notches(dy, dy < 0 ? WHEEL.up : WHEEL.down),
    ...notches(dx, dx < 0 ? WHEEL.left : WHEEL.right),
  ];
}

function held(keys: number[], meanwhile: InputStep[]): InputStep[] {
  return [
    ...keys.map((keysym) => key(keysym, true)),
    ...meanwhile,
    ...keys.toReversed().map((keysym) => key(keysym, false)),
  ];
}

function key(keysym: number, down: boolean): Buffer {
  const message = Buffer.alloc(8);
  message.writeUInt8(4, 0);
  message.writeUInt8(down ? 1 : 0, 1);
  message.writeUInt32BE(keysym, 4);
  return message;
}

function pointer({ x, y }: BoxCursor, mask: number): Buffer {
  const message = Buffer.alloc(6);
  message.writeUInt8(5, 0);
  message.writeUInt8(mask, 1);
  message.writeUInt16BE(x, 2);
  message.writeUInt16BE(y, 4);
  return message;
}
