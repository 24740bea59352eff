import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { BoxRecording, BoxRecordingOptions } from '@banata/protocol/box';
import { BoxError } from '../../http/route.ts';
import type { BoxEnvironment, BoxLogger, EventSink } from '../../services.ts';
import { ActiveRecording } from './active-recording.ts';
import type { RecordedScreen } from './active-recording.ts';
import { joinCommand, lengthCommand } from './ffmpeg-commands.ts';
import { RecordingFiles, toRecording } from './recording-files.ts';
import type { RecordingNote } from './recording-files.ts';
import { runProgram } from '../run-program.ts';

/** Films that may wait to be fetched and removed. */
const MAX_KEPT = 50;
const FIRST_FRAME_MS = 5_000;
const FIRST_FRAME_POLL_MS = 50;
const JOIN_TIMEOUT_MS = 110_000;
const LENGTH_TIMEOUT_MS = 20_000;

export interface RecorderOptions {
  environment: BoxEnvironment;
  events: EventSink;
  logger: BoxLogger;
}

/** Films of the desktop: at most one is being made, and those that are done wait for the server to fetch them. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #files: RecordingFiles;
  #active: ActiveRecording | undefined;
  #screen: RecordedScreen | undefined;
  /** Starts and stops one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#files = new RecordingFiles(options.environment);
  }

  /** The display there is now; undefined while there is none. */
  show(screen: RecordedScreen | undefined): void {
    this.#screen = screen;
    this.#active?.show(screen);
  }

  /** Goes on with what a daemon before this one was recording, and begins with what the configuration asks for. */
  open(wanted: BoxRecordingOptions | undefined): Promise<void> {
    return this.#inTurn(async () => {
      const notes = await this.#files.notes();
      const unfinished = notes.filter(({ state }) => state === 'recording');
      const last = unfinished.pop();
      for (const note of unfinished) await this.#finish(note, 'The daemon of the sandbox was restarted.');
      if (last) this.#run(last);
      else if (wanted && !notes.some(({ recordingId }) => recordingId === wanted.recordingId))
        await this.#begin(wanted);
    });
  }

  /** @throws BoxError 409 `RECORDING_RUNNING`, `RECORDING_STOPPED`; 429 when too many films wait. */
  start(options: BoxRecordingOptions): Promise<BoxRecording> {
    return this.#inTurn(async () => {
      const { recordingId } = options;
      const running = this.#active?.note;
      if (running?.recordingId === recordingId) return this.#describe(running);
      if (running)
        throw new BoxError(409, 'RECORDING_RUNNING', 'A recording is running; stop it before the next one.');
      const notes = await this.#files.notes();
      if (notes.some((note) => note.recordingId === recordingId))
        throw new BoxError(409, 'RECORDING_STOPPED', 'This recording has ended; start another one.');
      if (notes.length >= MAX_KEPT)
        throw new BoxError(
          429,
          'BOX_EXHAUSTED',
          `${MAX_KEPT} recordings wait in the sandbox; fetch them first.`,
        );
      const note = await this.#begin(options);
      await this.#firstFrame(recordingId);
      return this.#describe(note);
    });
  }

  /** Ends a recording and joins its film; the same again answers the same. @throws BoxError 404. */
  stop(recordingId: string): Promise<BoxRecording> {
    return this.#inTurn(async () => {
      const active = this.#active;
      if (active?.note.recordingId === recordingId) {
        await active.end();
        this.#active = undefined;
        return this.#describe(await this.#finish(active.note, active.failure ?? null));
      }
      return this.#describe(await this.#note(recordingId));
    });
  }

  async list(): Promise<BoxRecording[]> {
    return Promise.all((await this.#files.notes()).map((note) => this.#describe(note)));
  }

  /** Sends a film that is done. @throws BoxError 404, 409 while it is being made. */
  async send(recordingId: string, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const note = await this.#note(recordingId);
    if (note.state === 'recording')
      throw new BoxError(409, 'RECORDING_RUNNING', 'This recording is still running; stop it first.');
    const path = this.#files.film(recordingId);
    const size = await stat(path).then(
      (stats) => stats.size,
      () => 0,
    );
    if (size === 0)
      throw new BoxError(
        404,
        'RECORDING_EMPTY',
        `Nothing was recorded: ${note.reason ?? 'it was too short.'}`,
      );
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': size });
    await pipeline(createReadStream(path, { end: size - 1 }), response, { signal });
  }

  /** Frees the disk. Removing what is not there is no error. @throws BoxError 409 while it is being made. */
  remove(recordingId: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#active?.note.recordingId === recordingId)
        throw new BoxError(409, 'RECORDING_RUNNING', 'This recording is still running; stop it first.');
      await this.#files.remove(recordingId);
    });
  }

  /** Ends the process of the recording; another daemon can go on with it. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#active?.end();
      this.#active = undefined;
    });
  }

  async #begin(options: BoxRecordingOptions): Promise<RecordingNote> {
    const note: RecordingNote = {
      ...options,
      state: 'recording',
      startedAt: Date.now(),
      durationMs: null,
      reason: null,
      film: null,
    };
    await this.#files.save(note);
    await this.#options.events.append({ type: 'recording.started', data: { recordingId: note.recordingId } });
    this.#run(note);
    return note;
  }

  /** Waits until something is recorded, a few seconds at most: who is told that it runs may stop it at once. */
  async #firstFrame(recordingId: string): Promise<void> {
    const deadline = performance.now() + FIRST_FRAME_MS;
    while (this.#screen && performance.now() < deadline && (await this.#files.bytes(recordingId)) === 0)
      await delay(FIRST_FRAME_POLL_MS);
  }

  #run(note: RecordingNote): void {
    const { environment, logger } = this.#options;
    const active = new ActiveRecording({ note, files: this.#files, environment, logger });
    this.#active = active;
    active.show(this.#screen);
    void active.failed.then((reason) => this.#endedByItself(note, reason));
  }

  async #endedByItself(note: RecordingNote, reason: string): Promise<void> {
    const { events, logger } = this.#options;
    logger.error('recording.failed', { recordingId: note.recordingId, reason });
    try {
      await this.stop(note.recordingId);
      await events.append({ type: 'recording.ended', data: { recordingId: note.recordingId, reason } });
    } catch (error) {
      logger.error('recording.end', { recordingId: note.recordingId, error });
    }
  }

  /** Makes one film of the segments. What cannot be joined is told as the reason; there is no film then. */
  async #finish(note: RecordingNote, reason: string | null): Promise<RecordingNote> {
    const { recordingId } = note;
    const done: RecordingNote = { ...note, state: 'stopped', reason };
    try {
      const segments = await this.#files.segments(recordingId);
      if (segments.length > 0) {
        const { list, output } = await this.#files.forJoin(recordingId, segments);
        await this.#program(joinCommand(list, output), JOIN_TIMEOUT_MS);
        const seconds = Number((await this.#program(lengthCommand(output), LENGTH_TIMEOUT_MS)).trim());
        done.durationMs = Number.isFinite(seconds) ? Math.round(seconds * 1000) : null;
        await this.#files.keepFilm(recordingId);
      }
    } catch (error) {
      done.reason = `The film could not be put together: ${(error as Error).message}`.slice(0, 1000);
      this.#options.logger.error('recording.join', { recordingId, error });
    }
    await this.#files.save(done);
    return done;
  }

  /** Under the desktop's account, which may read the films and write into those made for it. */
  #program(command: [string, ...string[]], timeoutMs: number): Promise<string> {
    const account = this.#options.environment.accounts.desktop;
    const env = { BANATA_SERVICE: 'recording', PATH: '/usr/bin:/bin', HOME: account.home, LANG: 'C.UTF-8' };
    return runProgram(command, { account, env, timeoutMs });
  }

  async #note(recordingId: string): Promise<RecordingNote> {
    const note = await this.#files.note(recordingId);
    if (!note) throw new BoxError(404, 'RECORDING_NOT_FOUND', 'There is no such recording in the sandbox.');
    return note;
  }

  async #describe(note: RecordingNote): Promise<BoxRecording> {
    return toRecording(note, await this.#files.bytes(note.recordingId));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
