import { setTimeout as delay } from 'node:timers/promises';
import type { Viewport } from '@banata/protocol/box';
import type { BoxEnvironment, BoxLogger } from '../../services.ts';
import { Child } from '../child.ts';
import { RestartPolicy } from '../restart-policy.ts';
import { watchScreenSize } from '../x-client.ts';
import { filmSize, segmentCommand } from './ffmpeg-commands.ts';
import type { RecordingFiles, RecordingNote } from './recording-files.ts';

/** Longest film, bytes: what an artifact may hold, and what joining takes beside it, stay within a box's disk. */
const MAX_BYTES = 4 * 1024 ** 3;
const WATCH_MS = 5_000;
/** ffmpeg writes the last frames and the end of the file. */
const STOP_GRACE_MS = 5_000;

/** A display that can be recorded. */
export interface RecordedScreen {
  /** Name of the X display. */
  display: string;
  cookie: Buffer;
  /** Environment of a program on it. */
  env: Record<string, string>;
}

export interface ActiveRecordingOptions {
  note: RecordingNote;
  files: RecordingFiles;
  environment: BoxEnvironment;
  logger: BoxLogger;
}

/** Records a desktop in segments: a new one for each display, and for each size of it. */
export class ActiveRecording {
  readonly note: RecordingNote;
  /** Resolves with the reason when it cannot go on. Not when it was ended. */
  readonly failed: Promise<string>;
  /** Why it could not go on. */
  failure: string | undefined;
  readonly #options: ActiveRecordingOptions;
  readonly #ending = new AbortController();
  readonly #screens = new EventTarget();
  readonly #done: Promise<void>;
  #screen: RecordedScreen | undefined;

  constructor(options: ActiveRecordingOptions) {
    this.note = options.note;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.failed = promise;
    this.#done = this.#run(this.#ending.signal).catch((error: Error) => {
      this.failure = error.message;
      resolve(error.message);
    });
  }

  show(screen: RecordedScreen | undefined): void {
    if (screen?.display === this.#screen?.display && screen?.cookie === this.#screen?.cookie) return;
    this.#screen = screen;
    this.#screens.dispatchEvent(new Event('change'));
  }

  /** Resolves when the last segment is written. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.#done;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const restarts = new RestartPolicy();
    while (!signal.aborted) {
      const screen = this.#screen;
      if (!screen) {
        await this.#change(signal);
        continue;
      }
      const gone = new AbortController();
      void this.#change(signal).then(() => gone.abort());
      const failure = await this.#onScreen(screen, AbortSignal.any([signal, gone.signal]));
      if (signal.aborted || failure === undefined) continue;
      const waitMs = restarts.next(performance.now());
      if (waitMs === undefined) throw new Error(failure);
      this.#options.logger.warn('recording.restart', { failure, waitMs });
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Records one display until the signal aborts. @returns what went wrong before. */
  async #onScreen(screen: RecordedScreen, signal: AbortSignal): Promise<string | undefined> {
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    let size: Viewport | undefined;
    let resized = new AbortController();
    const sized = Promise.withResolvers<void>();
    const watching = watchScreenSize(screen.display, screen.cookie, {
      signal: stop,
      onSize(next) {
        if (size?.width !== next.width || size.height !== next.height) resized.abort();
        size = next;
        sized.resolve();
      },
    }).catch((error: Error) => error.message);
    try {
      const problem = await Promise.race([sized.promise, watching]);
      if (size === undefined) return problem ?? 'The X server did not tell its size.';
      while (!stop.aborted) {
        resized = new AbortController();
        const failure = await this.#segment(screen, size, AbortSignal.any([stop, resized.signal]));
        if (failure !== undefined && !resized.signal.aborted) return failure;
      }
      return undefined;
    } finally {
      over.abort();
      await watching;
    }
  }

  /** Records until the signal aborts. @returns how it ended before. @throws Error when the film is as long as it may be. */
  async #segment(screen: RecordedScreen, size: Viewport, signal: AbortSignal): Promise<string | undefined> {
    const { note, files, environment } = this.#options;
    if (note.film === null) {
      note.film = filmSize(size);
      await files.save(note);
    }
    const output = await files.addSegment(note.recordingId);
    const command = segmentCommand({
      ...note,
      display: screen.display,
      screen: size,
      film: note.film,
      output,
    });
    const child = new Child('ffmpeg', command, {
      account: environment.accounts.desktop,
      env: { ...screen.env, BANATA_SERVICE: 'recording', DISPLAY: screen.display },
    });
    const watch = new AbortController();
    const full = this.#whenTooLong(watch.signal);
    try {
      const ended = await Promise.race([child.exited, aborted(signal), full]);
      await child.stop(STOP_GRACE_MS);
      if (ended === 'full')
        throw new Error(`The recording is ${MAX_BYTES} bytes long, the most it may have.`);
      return signal.aborted ? undefined : `ffmpeg ended: ${ended}\n${child.lastLines()}`;
    } finally {
      watch.abort();
    }
  }

  async #whenTooLong(signal: AbortSignal): Promise<'full'> {
    const { note, files } = this.#options;
    while (!signal.aborted) {
      await delay(WATCH_MS, undefined, { signal, ref: false }).catch(() => {});
      if (!signal.aborted && (await files.bytes(note.recordingId)) > MAX_BYTES) return 'full';
    }
    return new Promise<never>(() => {});
  }

  /** Resolves when there is another display, or when the signal aborts. */
  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        this.#screens.removeEventListener('change', settle);
        signal.removeEventListener('abort', settle);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#screens.addEventListener('change', settle);
      signal.addEventListener('abort', settle);
    });
  }
}

function aborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('');
    else signal.addEventListener('abort', () => resolve(''), { once: true });
  });
}
