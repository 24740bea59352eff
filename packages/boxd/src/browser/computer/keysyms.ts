import { BoxError } from '../../http/route.ts';

/** X11 keysyms (X11/keysymdef.h) of the keys that are no characters, by their names in lower case. */
const NAMED: Record<string, number> = {
  backspace: 0xff08,
  tab: 0xff09,
  enter: 0xff0d,
  return: 0xff0d,
  pause: 0xff13,
  scrolllock: 0xff14,
  escape: 0xff1b,
  esc: 0xff1b,
  home: 0xff50,
  arrowleft: 0xff51,
  left: 0xff51,
  arrowup: 0xff52,
  up: 0xff52,
  arrowright: 0xff53,
  right: 0xff53,
  arrowdown: 0xff54,
  down: 0xff54,
  pageup: 0xff55,
  pagedown: 0xff56,
  end: 0xff57,
  printscreen: 0xff61,
  print: 0xff61,
  insert: 0xff63,
  contextmenu: 0xff67,
  menu: 0xff67,
  numlock: 0xff7f,
  shift: 0xffe1,
  control: 0xffe3,
  ctrl: 0xffe3,
  capslock: 0xffe5,
  meta: 0xffe7,
  cmd: 0xffeb,
  super: 0xffeb,
  alt: 0xffe9,
  altgraph: 0xfe03,
  delete: 0xffff,
  del: 0xffff,
  space: 0x20,
  plus: 0x2b,
};
const F1 = 0xffbe;

/** Keysym of a character: Latin-1 stands for itself, the rest of Unicode begins at 0x01000000. */
export function keysymOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (point === 0x0a || point === 0x0d) return NAMED['enter']!;
  if (point === 0x09) return NAMED['tab']!;
  const latin1 = (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff);
  return latin1 ? point : 0x01000000 | point;
}

/** Keysyms of keys that are pressed together, such as `ctrl+shift+t`. @throws BoxError 400 `INVALID_KEY`. */
export function chordOf(text: string): number[] {
  const plus = text === '+' || text.endsWith('++');
  const names = (plus ? text.slice(0, -1).replace(/\+$/, '') : text).split('+');
  return [...names.filter((name) => !(plus && name === '')), ...(plus ? ['+'] : [])].map(keyOf);
}

function keyOf(name: string): number {
  if (Array.from(name).length === 1) return keysymOf(name);
  const plain = name.toLowerCase().replaceAll('_', '');
  const named = Object.hasOwn(NAMED, plain) ? NAMED[plain] : undefined;
  if (named !== undefined) return named;
  const [, digits] = /^f(\d{1,2})$/.exec(plain) ?? [];
  const number = Number(digits ?? 0);
  if (number >= 1 && number <= 24) return F1 + number - 1;
  throw new BoxError(
    400,
    'INVALID_KEY',
    `The key ${JSON.stringify(name)} is not known; use a character or a name such as Enter, Escape, ArrowLeft, F5, ctrl.`,
  );
}
