/** X11 keysyms of the keys an on-screen keyboard sends beside characters (X11/keysymdef.h). */
export const BACKSPACE = 0xff08;
export const ALT = 0xffe9;
export const LEFT = 0xff51;
export const RIGHT = 0xff53;
const RETURN = 0xff0d;
const TAB = 0xff09;

/** X11 keysym of a character: Latin-1 stands for itself, the rest of Unicode begins at 0x01000000. */
export function keysymOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (point === 0x0a || point === 0x0d) return RETURN;
  if (point === 0x09) return TAB;
  const latin1 = (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff);
  return latin1 ? point : 0x01000000 | point;
}
