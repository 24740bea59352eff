import type { Transport } from './transport.ts';
import type { CallOptions, KeptRecording, Recording, RecordingOptions } from './types.ts';

/** Fetching a long film and storing it. */
const STOP_TIMEOUT_MS = 11 * 60_000;

/** Films of the desktop that the browser is on. */
export class SandboxRecording {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Begins to record; one at a time. With `capabilities.browser.recording` a recording begins with the browser.
   * @param options.frameRate Most frames per second, 1 to 30. Default 10.
   * @param options.bitrateKbps Most kilobits per second, 100 to 10,000. Default 1500.
   * @throws BanataError `CONFLICT` while one is running, `PLAN_FEATURE_UNAVAILABLE`, `BROWSER_NOT_ENABLED`.
   * @example
   * ```ts
   * await sandbox.recording.start({ frameRate: 15 });
   * ```
   */
  start({ signal, ...options }: RecordingOptions & CallOptions = {}): Promise<Recording> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/browser/recording/start',
      json: { id: this.#id, ...options },
      signal,
    });
  }

  /**
   * Ends the recording and keeps its film as an artifact; that happens by itself when the sandbox ends.
   * @param options.recordingId Default: the one that runs, else the last one that was not kept yet.
   * @throws BanataError `RECORDING_NOT_FOUND`; `ARTIFACT_QUOTA_EXCEEDED`, `STORE_UNAVAILABLE`: call again later.
   * @example
   * ```ts
   * const { artifactKey, durationMs } = await sandbox.recording.stop();
   * await writeFile('film.mp4', await sandbox.artifacts.download(artifactKey));
   * ```
   */
  stop({ signal, recordingId }: CallOptions & { recordingId?: string } = {}): Promise<KeptRecording> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/browser/recording/stop',
      json: { id: this.#id, recordingId },
      timeoutMs: STOP_TIMEOUT_MS,
      signal,
    });
  }

  /**
   * The recording that runs, and those that are not artifacts yet.
   * @example
   * ```ts
   * const [running] = await sandbox.recording.list();
   * ```
   */
  async list(options: CallOptions = {}): Promise<Recording[]> {
    const { data } = await this.#transport.json<{ data: Recording[] }>({
      method: 'GET',
      path: '/v1/sandboxes/browser/recordings',
      query: { id: this.#id },
      signal: options.signal,
    });
    return data;
  }
}
