import type RFB from '@novnc/novnc';
import { ALT, BACKSPACE, keysymOf, LEFT, RIGHT } from './keysym.ts';
import type { TypedChange } from './typed-change.ts';

/** Time for the whole handshake. noVNC itself waits for ever. */
const HANDSHAKE_MS = 15_000;

/** A connected screen. */
export interface Screen {
  /** Presses the keys for a change of text. */
  type(change: TypedChange): void;
  /** While held, touching the screen does not take the keyboard's focus to it. */
  holdFocus(held: boolean): void;
  /** Whether keys and mouse are sent; a screen that only shows leaves them to the page. */
  setSteering(steering: boolean): void;
  /** Puts text into the clipboard of the remote desktop. */
  setClipboard(text: string): void;
}

export interface ScreenOptions {
  target: HTMLElement;
  /** WebSocket URL that speaks RFB. */
  url: string;
  /** Give the keyboard to the screen as soon as it is there. */
  autoFocus: boolean;
  /** Ends the connection; `onLost` is then not called. */
  signal: AbortSignal;
  onOpen: (screen: Screen) => void;
  /** Text was copied on the remote desktop. */
  onClipboard?: ((text: string) => void) | undefined;
  /** Called once, when the connection could not be made or was lost. */
  onLost: () => void;
}

function dial(RfbClass: typeof RFB, { target, url }: ScreenOptions): RFB {
  const rfb = new RfbClass(target, url, { shared: true, wsProtocols: ['binary'] });
  rfb.scaleViewport = true;
  rfb.background = 'transparent';
  // Nothing is sent before it is known that it may be.
  rfb.viewOnly = true;
  return rfb;
}

function screenOf(rfb: RFB): Screen {
  return {
    type({ backspaces, text }) {
      for (let count = 0; count < backspaces; count += 1) rfb.sendKey(BACKSPACE, null);
      for (const character of text) rfb.sendKey(keysymOf(character), null);
    },
    holdFocus(held) {
      rfb.focusOnClick = !held;
    },
    setSteering(steering) {
      if (rfb.viewOnly !== steering) return;
      rfb.viewOnly = !steering;
      if (steering) rfb.focus({ preventScroll: true });
    },
    setClipboard(text) {
      rfb.clipboardPasteFrom(text);
    },
  };
}

/** Buttons of a mouse beside the usual three (UI Events, `MouseEvent.button`), and the arrow each stands for. */
const SIDE_BUTTONS: Readonly<Record<number, number>> = { 3: LEFT, 4: RIGHT };

/**
 * Passes the mouse's back and forward buttons on as the keys that do the same in the remote browser: a pointer event
 * has no room for both, and the extension that makes some gives it a length that depends on the server.
 */
function passSideButtons(rfb: RFB, { target, signal }: ScreenOptions): void {
  const press = ({ button }: MouseEvent): void => {
    const arrow = SIDE_BUTTONS[button];
    if (arrow === undefined) return;
    rfb.sendKey(ALT, 'AltLeft', true);
    rfb.sendKey(arrow, null);
    rfb.sendKey(ALT, 'AltLeft', false);
  };
  // noVNC keeps these events to itself.
  target.addEventListener('mouseup', press, { capture: true, signal });
}

function follow(rfb: RFB, options: ScreenOptions): void {
  const { signal } = options;
  passSideButtons(rfb, options);
  let over = false;
  const hangUp = (): void => {
    if (!over) rfb.disconnect();
  };
  const timer = setTimeout(hangUp, HANDSHAKE_MS);
  signal.addEventListener('abort', hangUp, { once: true });

  rfb.addEventListener('connect', () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    if (options.autoFocus) rfb.focus({ preventScroll: true });
    options.onOpen(screenOf(rfb));
  });
  rfb.addEventListener('clipboard', ({ detail }) => options.onClipboard?.(detail.text));
  rfb.addEventListener('credentialsrequired', hangUp);
  rfb.addEventListener('disconnect', () => {
    over = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', hangUp);
    if (!signal.aborted) options.onLost();
  });
}

/** Connects a remote screen and draws it into `target`. noVNC is loaded at the first call. */
export async function openScreen(options: ScreenOptions): Promise<void> {
  try {
    const { default: RfbClass } = await import('@novnc/novnc');
    if (options.signal.aborted) return;
    follow(dial(RfbClass, options), options);
  } catch {
    // The module did not load, or the URL is none: for the caller both are a connection that could not be made.
    if (!options.signal.aborted) options.onLost();
  }
}
