/** The part of noVNC 1.7 that is used here; see docs/API.md in its package. */
declare module '@novnc/novnc' {
  interface RfbOptions {
    shared?: boolean;
    wsProtocols?: string[];
  }

  interface RfbEvents {
    connect: CustomEvent<Record<string, never>>;
    disconnect: CustomEvent<{ clean: boolean }>;
    securityfailure: CustomEvent<{ status: number; reason?: string }>;
    credentialsrequired: CustomEvent<{ types: string[] }>;
    clipboard: CustomEvent<{ text: string }>;
  }

  class RFB {
    constructor(target: HTMLElement, url: string, options?: RfbOptions);
    background: string;
    scaleViewport: boolean;
    resizeSession: boolean;
    focusOnClick: boolean;
    viewOnly: boolean;
    qualityLevel: number;
    compressionLevel: number;
    sendKey(keysym: number, code: string | null, down?: boolean): void;
    focus(options?: FocusOptions): void;
    clipboardPasteFrom(text: string): void;
    disconnect(): void;
    addEventListener<T extends keyof RfbEvents>(type: T, listener: (event: RfbEvents[T]) => void): void;
  }

  export default RFB;
}
