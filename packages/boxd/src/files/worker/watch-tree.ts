import type { FileChange } from '@banata/protocol/box';
import { watch, type FSWatcher, type Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { FileError } from './file-error.ts';
import type { WatchBudget } from './watch-budget.ts';

/** Changes of one path within this time are told as one. */
const SETTLE_MS = 50;
/** More changes than this that nobody took yet are dropped, and that is told. */
const MAX_PENDING = 10_000;

interface Folder {
  watcher: FSWatcher;
  ino: number;
  names: Set<string>;
}

export interface WatchTreeOptions {
  budget: WatchBudget;
  recursive: boolean;
  /** Takes changes; the next ones wait until it resolves. */
  onChanges: (changes: FileChange[]) => Promise<void>;
  /** Changes were lost: what is known of the tree must be read anew. */
  onOverflow: () => Promise<void>;
  /** The directory itself is gone. */
  onGone: () => void;
  onError: (error: unknown) => void;
}

/** Watches a directory, and those below it, for entries that are made, changed and removed. */
export class WatchTree {
  readonly #root: string;
  readonly #options: WatchTreeOptions;
  readonly #folders = new Map<string, Folder>();
  #pending = new Set<string>();
  #overflowed = false;
  #timer: NodeJS.Timeout | undefined;
  #working = false;
  #closed = false;

  constructor(root: string, options: WatchTreeOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** Number of directories that are watched. */
  get folders(): number {
    return this.#folders.size;
  }

  /** Resolves when every change from now on is seen. */
  async open(): Promise<void> {
    this.#options.budget.join(this.#lose);
    try {
      if (!(await lstat(this.#root)).isDirectory()) {
        throw new FileError(400, 'NOT_A_DIRECTORY', `${this.#root} is not a directory`);
      }
      await this.#add(this.#root);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.budget.leave(this.#lose);
    this.#drop(this.#root);
  }

  readonly #lose = (): void => {
    this.#overflowed = true;
    this.#pending.clear();
    this.#wake();
  };

  #note(path: string): void {
    this.#options.budget.countEvent();
    if (this.#closed || this.#overflowed) return;
    this.#pending.add(path);
    if (this.#pending.size > MAX_PENDING) this.#lose();
    else this.#wake();
  }

  #wake(): void {
    if (this.#closed || this.#working || this.#timer) return;
    this.#timer = setTimeout(() => void this.#work(), SETTLE_MS);
  }

  async #work(): Promise<void> {
    this.#timer = undefined;
    this.#working = true;
    try {
      if (this.#overflowed) await this.#resync();
      else await this.#tell();
    } catch (error) {
      if (!this.#closed) this.#options.onError(error);
    } finally {
      this.#working = false;
    }
    if (this.#pending.size > 0 || this.#overflowed) this.#wake();
  }

  async #tell(): Promise<void> {
    const paths = this.#pending;
    this.#pending = new Set();
    if (!(await this.#rootIsThere())) return this.#options.onGone();
    const changes: FileChange[] = [];
    for (const path of paths) await this.#judge(path, changes);
    if (changes.length > 0 && !this.#closed) await this.#options.onChanges(changes);
  }

  async #resync(): Promise<void> {
    this.#drop(this.#root);
    this.#overflowed = false;
    if (!(await this.#rootIsThere())) return this.#options.onGone();
    await this.#add(this.#root);
    if (!this.#closed) await this.#options.onOverflow();
  }

  async #rootIsThere(): Promise<boolean> {
    const stats = await lstat(this.#root).catch(() => undefined);
    const watched = this.#folders.get(this.#root);
    return stats?.isDirectory() === true && (!watched || watched.ino === stats.ino);
  }

  async #judge(path: string, changes: FileChange[]): Promise<void> {
    const parent = this.#folders.get(dirname(path));
    if (!parent || path === this.#root) return;
    const stats = await lstat(path).catch(() => undefined);
    if (stats) await this.#judgePresent(path, { parent, stats }, changes);
    else this.#judgeAbsent(path, parent, changes);
  }

  #judgeAbsent(path: string, parent: Folder, changes: FileChange[]): void {
    if (!parent.names.delete(basename(path))) return;
    this.#options.budget.release({ names: 1 });
    const isDirectory = this.#folders.has(path);
    this.#drop(path);
    changes.push({ type: 'removed', path, isDirectory });
  }

  async #judgePresent(
    path: string,
    { parent, stats }: { parent: Folder; stats: Stats },
    changes: FileChange[],
  ): Promise<void> {
    const isDirectory = stats.isDirectory();
    const folder = this.#folders.get(path);
    const replaced = folder !== undefined && folder.ino !== stats.ino;
    if (replaced) this.#drop(path);
    const known = parent.names.has(basename(path));
    if (!known) {
      this.#options.budget.take({ names: 1 });
      parent.names.add(basename(path));
    }
    if (!isDirectory) {
      changes.push({ type: known ? 'modified' : 'created', path, isDirectory });
      return;
    }
    // What changes in a folder is told of what is in it.
    if (!known || replaced) changes.push({ type: 'created', path, isDirectory });
    if (this.#options.recursive && !this.#folders.has(path)) await this.#add(path, changes);
  }

  /** Watches a directory and, if asked, those below it. With `changes`, what is in them already is told as made. */
  async #add(root: string, changes?: FileChange[]): Promise<void> {
    const open = [root];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (this.#closed) return;
      const names = await this.#watch(path).catch((error: NodeJS.ErrnoException) => {
        // Removed, or closed to this account, meanwhile. The root must be there.
        const passing = error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'ENOTDIR';
        if (passing && path !== this.#root) return [];
        throw error;
      });
      for (const { name, isDirectory } of names) {
        const below = join(path, name);
        changes?.push({ type: 'created', path: below, isDirectory });
        if (isDirectory && this.#options.recursive) open.push(below);
      }
    }
  }

  /** Watches one directory. The names are read after the watch is set, so that nothing is missed in between. */
  async #watch(path: string): Promise<{ name: string; isDirectory: boolean }[]> {
    const { budget } = this.#options;
    const { ino } = await lstat(path);
    budget.take({ folders: 1 });
    let watcher: FSWatcher;
    try {
      watcher = watch(path, { persistent: false }, (_, name) => {
        this.#note(name === null ? path : join(path, name));
      });
    } catch (error) {
      budget.release({ folders: 1 });
      // inotify(7) says ENOSPC where the limit of watches is reached.
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw budget.refusal();
      throw error;
    }
    // The directory's own end comes as an event of its parent, too.
    watcher.on('error', () => watcher.close());
    const folder: Folder = { watcher, ino, names: new Set() };
    this.#folders.set(path, folder);
    const entries: { name: string; isDirectory: boolean }[] = [];
    for await (const entry of await opendir(path, { bufferSize: 256 })) {
      budget.take({ names: 1 });
      folder.names.add(entry.name);
      entries.push({ name: entry.name, isDirectory: entry.isDirectory() });
    }
    return entries;
  }

  /** Forgets a directory and those below it. */
  #drop(root: string): void {
    const { budget } = this.#options;
    for (const [path, { watcher, names }] of this.#folders) {
      if (path !== root && !path.startsWith(root === '/' ? '/' : root + sep)) continue;
      watcher.close();
      this.#folders.delete(path);
      budget.release({ folders: 1, names: names.size });
    }
  }
}
