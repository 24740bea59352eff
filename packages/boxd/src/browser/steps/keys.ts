/** A key as `Input.dispatchKeyEvent` takes it. */
export interface CdpKey {
  key: string;
  code: string;
  windowsVirtualKeyCode: number;
  text?: string;
}

/** Named keys by DOM name (w3.org/TR/uievents-key) with Windows' virtual key codes, as Chromium wants them. */
const NAMED: Record<string, number> = {
  Backspace: 8,
  Tab: 9,
  Enter: 13,
  Escape: 27,
  PageUp: 33,
  PageDown: 34,
  End: 35,
  Home: 36,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
  Delete: 46,
};

/** Undefined for names that are not known, chords among them. */
export function keyOf(name: string): CdpKey | undefined {
  const code = NAMED[name];
  if (code !== undefined) {
    return {
      key: name,
      code: name,
      windowsVirtualKeyCode: code,
      ...(name === 'Enter' ? { text: '\r' } : {}),
    };
  }
  if (Array.from(name).length !== 1) return undefined;
  return { key: name, code: '', windowsVirtualKeyCode: 0, text: name };
}
