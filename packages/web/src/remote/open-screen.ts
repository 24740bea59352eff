import type RFB from '@novnc/novnc';

/** Time for the whole handshake. noVNC itself waits for ever. */
const HANDSHAKE_MS = 15_000;

export interface ScreenOptions {
  target: HTMLElement;
  /** WebSocket URL that speaks RFB. */
  url: string;
  /** Give the keyboard to the screen as soon as it is there. */
  autoFocus: boolean;
  /** Ends the connection; `onLost` is then not called. */
  signal: AbortSignal;
  onOpen: () => void;
  /** Called once, when the connection could not be made or was lost. */
  onLost: () => void;
}

function dial(RfbClass: typeof RFB, { target, url }: ScreenOptions): RFB {
  const rfb = new RfbClass(target, url, { shared: true, wsProtocols: ['binary'] });
  rfb.scaleViewport = true;
  rfb.background = 'transparent';
  return rfb;
}

function follow(rfb: RFB, options: ScreenOptions): void {
  const { signal } = options;
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
    options.onOpen();
  });
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
