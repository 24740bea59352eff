import { chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { boxRecordingSchema } from '@banata/protocol/box';
import type { BoxRecording } from '@banata/protocol/box';
import { z } from 'zod';
import { writeFileAtomically } from '../../atomic-file.ts';
import type { BoxEnvironment } from '../../services.ts';

const ID = /^[a-z0-9]{32}$/;
const SEGMENT = /^\d{5}\.mp4$/;

const noteSchema = boxRecordingSchema.omit({ bytes: true }).extend({
  /** Size of the film, known from its first segment on. */
  film: z.object({ width: z.number(), height: z.number() }).nullable(),
});
export type RecordingNote = z.infer<typeof noteSchema>;

/**
 * Files of recordings. Their folders belong to the daemon, so that nothing in them can be replaced by a link; the
 * desktop's account writes the films into files that were made for it.
 */
export class RecordingFiles {
  readonly #root: string;
  readonly #accounts: BoxEnvironment['accounts'];

  constructor({ stateDir, accounts }: Pick<BoxEnvironment, 'stateDir' | 'accounts'>) {
    this.#root = join(stateDir, 'recordings');
    this.#accounts = accounts;
  }

  async notes(): Promise<RecordingNote[]> {
    const names = await readdir(this.#root).catch(() => []);
    const notes = await Promise.all(names.filter((name) => ID.test(name)).map((name) => this.note(name)));
    return notes.filter((note) => note !== undefined).sort((a, b) => a.startedAt - b.startedAt);
  }

  /** Undefined when there is no such recording, or its note was not finished. */
  async note(id: string): Promise<RecordingNote | undefined> {
    const text = await readFile(join(this.#folder(id), 'note.json'), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    return noteSchema.safeParse(JSON.parse(text)).data;
  }

  async save(note: RecordingNote): Promise<void> {
    const folder = this.#folder(note.recordingId);
    await this.#prepare(this.#root);
    await this.#prepare(folder);
    await writeFileAtomically(join(folder, 'note.json'), JSON.stringify(note));
  }

  /** Makes an empty file for the next segment. */
  async addSegment(id: string): Promise<string> {
    const taken = await this.#segments(id);
    const number = taken.length === 0 ? 0 : Number(taken.at(-1)!.slice(0, 5)) + 1;
    return this.#forDesktop(join(this.#folder(id), `${String(number).padStart(5, '0')}.mp4`));
  }

  /** Segments that hold something, in order. */
  async segments(id: string): Promise<string[]> {
    const paths = (await this.#segments(id)).map((name) => join(this.#folder(id), name));
    const sizes = await Promise.all(paths.map(sizeOf));
    return paths.filter((_, index) => sizes[index]! > 0);
  }

  /** The list of segments for the join, and an empty file for its result. */
  async forJoin(id: string, segments: string[]): Promise<{ list: string; output: string }> {
    const list = join(this.#folder(id), 'segments.txt');
    await writeFile(list, segments.map((path) => `file '${path}'\n`).join(''), { mode: 0o644 });
    return { list, output: await this.#forDesktop(join(this.#folder(id), 'joined.mp4')) };
  }

  /** The joined film takes the place of the segments. */
  async keepFilm(id: string): Promise<void> {
    const folder = this.#folder(id);
    await rename(join(folder, 'joined.mp4'), this.film(id));
    for (const name of [...(await this.#segments(id)), 'segments.txt'])
      await rm(join(folder, name), { force: true });
  }

  film(id: string): string {
    return join(this.#folder(id), 'film.mp4');
  }

  /** Bytes of the film, or of its segments while there is none. */
  async bytes(id: string): Promise<number> {
    const film = await sizeOf(this.film(id));
    if (film > 0) return film;
    const sizes = await Promise.all(
      (await this.#segments(id)).map((name) => sizeOf(join(this.#folder(id), name))),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async remove(id: string): Promise<void> {
    await rm(this.#folder(id), { recursive: true, force: true });
  }

  async #segments(id: string): Promise<string[]> {
    const names = await readdir(this.#folder(id)).catch(() => []);
    return names.filter((name) => SEGMENT.test(name)).sort();
  }

  async #forDesktop(path: string): Promise<string> {
    const { desktop } = this.#accounts;
    await rm(path, { force: true });
    const file = await open(path, 'wx', 0o600);
    await file.chown(desktop.uid, desktop.gid);
    await file.close();
    return path;
  }

  /** Others pass through to what is theirs, but neither list nor add. */
  async #prepare(path: string): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o711 });
    await chown(path, this.#accounts.root.uid, this.#accounts.root.gid);
  }

  #folder(id: string): string {
    if (!ID.test(id)) throw new Error('not the id of a recording');
    return join(this.#root, id);
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** A recording as the server is told of it. */
export function toRecording({ film: _film, ...note }: RecordingNote, bytes: number): BoxRecording {
  return { ...note, bytes };
}
