import type { BoxBrowserState, BoxConfig, BoxEventBody } from '@banata/protocol/box';
import type { LiveBrowser } from './browser/desktop.ts';
import type { SecretVault } from './browser/forms/secret-vault.ts';

/** Identity under which a child process runs. Found by name in /etc/passwd at start. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** Places and identities the daemon works with; differ in tests. */
export interface BoxEnvironment {
  /** The three users of the image: `root` runs the daemon, `desktop` the browser, `user` commands and the agent. */
  accounts: { root: Account; desktop: Account; user: Account };
  /** Writable by root only; the journal and task state lie here (default `/var/lib/banata`). */
  stateDir: string;
  /** Sockets and other things that end with the box (default `/run/boxd`, mode 0711). */
  runDir: string;
  /** Where the daemon's own files lie (default `/opt/banata`). */
  installDir: string;
  workspace: string;
  /** PATH of commands. */
  path: string;
}

/** Appends to the box's journal. Written, so that it survives the daemon's death, when the promise resolves. */
export interface EventSink {
  append(body: BoxEventBody): Promise<void>;
}

/** Logger of the daemon: one JSON line per event on stderr. */
export interface BoxLogger {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}

/** The live browser, as the other parts of the daemon use it. */
export interface BrowserService {
  /** Starts the same for a sandbox that is not known yet; {@link BrowserService.start} takes it over. No event tells. */
  prepare(): void;
  /** Starts Xvnc, window manager and Chromium. Returns at once; events say when it is ready or failed. */
  start(config: NonNullable<BoxConfig['browser']>, options?: { proxyServer?: string | undefined }): void;
  state(): Promise<BoxBrowserState>;
  /** Resolves when the browser takes CDP clients; rejects when it failed or the signal aborts. */
  whenReady(signal: AbortSignal): Promise<void>;
  /** The browser once it takes calls; rejects as {@link whenReady} does. */
  live(signal: AbortSignal): Promise<LiveBrowser>;
  /**
   * HTTP base URL on loopback for the agent's browser tools (`--cdp-endpoint`), which answers `/json/version`, or the
   * WebSocket URL of a browser in another box. It holds a secret, so only who was told it can connect.
   */
  agentEndpoint(): string;
  /** Ports of the loopback that the browser's own listeners have. */
  ownPorts(): number[];
  /** What people entered, for the browser that is here. */
  readonly secrets: SecretVault;
  stop(): Promise<void>;
}

/** The AI agent, as the other parts of the daemon use it. */
export interface AgentService {
  /** Starts the agent server for a sandbox that is not known yet; {@link AgentService.start} takes it over. */
  prepare(): void;
  /** Starts the agent server. Returns at once; events say when it is ready or failed. */
  start(config: NonNullable<BoxConfig['agent']>, env: Record<string, string>, hasDocuments: boolean): void;
  /** Ports of the loopback that the agent server has. */
  ownPorts(): number[];
  stop(): Promise<void>;
}
