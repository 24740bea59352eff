import type { Readable } from 'node:stream';

import type { Box } from './driver.ts';

/** What of a checkpoint a box begins with: all of it, or /workspace alone where its image is gone from the host. */
export type RestoredContents = 'all' | 'workspace';

/**
 * Copies of boxes' disks that the driver keeps: writable layer and /workspace at one instant. Names are the caller's,
 * 32 lowercase letters and digits, stored by it before the call, so that what an interrupted call left can be found.
 */
export interface BoxCheckpoints {
  /**
   * Copies the disk of a box, which goes on meanwhile, or is paused. All that was written before the call is in it.
   * A copy that is listed is whole.
   * @returns its size, bytes: of the disk as the box's limit counts it.
   */
  create(boxId: string, name: string): Promise<{ bytes: number }>;
  /** Names of all whole copies on this host. */
  list(): Promise<string[]>;
  /** Nothing happens when there is none. A box that was made from it keeps what it has. */
  delete(name: string): Promise<void>;
  /** Contents as a tar compressed with zstd. The stream fails when the copy goes meanwhile. */
  export(name: string, signal: AbortSignal): Readable;
  /**
   * Brings exported contents back under a name; whole or not at all. `contents` is destroyed when it fails.
   * Contents that no export makes (names that lead elsewhere, parts that are missing) reject with CONTENTS_REFUSED.
   */
  import(name: string, contents: Readable, signal: AbortSignal): Promise<void>;
}

/** Putting boxes to rest. All of it can be repeated, so that another server finishes what one began. */
export interface BoxPauses {
  /** Stops the box's programs where they are. They keep their memory and use no CPU. */
  freeze(boxId: string): Promise<void>;
  /** Lets a frozen box go on. */
  thaw(boxId: string): Promise<void>;
  /**
   * Frees the memory and the network of a frozen box and keeps its disk; with gVisor its memory is put on disk, too.
   * A box that has died is kept the same way, by its disk alone.
   */
  store(boxId: string): Promise<void>;
  /**
   * Starts a stored box again, at another address: its programs go on where they were, or, where their memory was not
   * kept, its daemon starts anew. A frozen box is thawed, one that runs is answered as it is. When it rejects, the box
   * is stored as before.
   */
  resume(boxId: string, signal: AbortSignal): Promise<ResumedBox>;
}

/** A box that was stored or frozen and runs again. */
export interface ResumedBox extends Box {
  /** Whether its programs went on where they were. */
  programsKept: boolean;
}
