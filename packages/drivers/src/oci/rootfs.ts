import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { withFilesystemIds } from './kernel/credentials.ts';
import { mountFilesystem, mountIdmapped, unmount } from './kernel/mounts.ts';
import type { SlotPlace } from './slot.ts';

/**
 * The first three are set since distributions change the defaults, and an upper layer must make sense by itself.
 * `volatile`: without it the end of a box flushes the pool, which all boxes then wait for. What a box writes outside
 * /workspace is thus not safe from a crash of the host, which ends the box anyway. An upper layer that is mounted again
 * needs an empty work folder, since the kernel marks it.
 */
const OVERLAY_OPTIONS = ['index=off', 'metacopy=off', 'redirect_dir=off', 'volatile'];

export interface RootfsOptions {
  /** Folder of mount points. */
  folder: string;
  imageLayers: string[];
  daemonFolder: string;
}

/** What the runtime needs to find mounted while it starts a box. */
export interface Rootfs {
  root: string;
  disk: string;
  daemon: string;
}

/**
 * Mounts a box's root file system: an overlay of the image's layers and the box's disk, all shown through the ids of
 * the box's user namespace.
 *
 * The mounts are needed on the host only until the runtime has started the box, whose own mount namespace then holds
 * them: so a box that runs has none on the host, and its end frees them, whatever became of this process.
 */
export class RootfsMounter {
  readonly #options: RootfsOptions;

  constructor(options: RootfsOptions) {
    this.#options = options;
  }

  #points(slot: number): Rootfs & { layers: string[] } {
    const folder = path.join(this.#options.folder, String(slot));
    const layers = this.#options.imageLayers.map((_, index) => path.join(folder, String(index)));
    return {
      layers,
      root: path.join(folder, 'root'),
      disk: path.join(folder, 'disk'),
      daemon: path.join(folder, 'daemon'),
    };
  }

  /** Where {@link mount} puts the mounts of a slot. */
  places(slot: number): Rootfs {
    const { root, disk, daemon } = this.#points(slot);
    return { root, disk, daemon };
  }

  /** Mounts the file system of the box in a slot; `disk` is the box's disk on the host. Leaves nothing when it fails. */
  mount({ slot, firstId, userNamespace }: SlotPlace, disk: string): void {
    const points = this.#points(slot);
    try {
      for (const point of [points.root, points.disk, points.daemon, ...points.layers]) {
        mkdirSync(point, { recursive: true, mode: 0o711 });
      }
      this.#options.imageLayers.forEach((layer, index) => {
        mountIdmapped(layer, points.layers[index] ?? '', { userNamespace, readOnly: true });
      });
      mountIdmapped(this.#options.daemonFolder, points.daemon, { userNamespace, readOnly: true });
      mountIdmapped(disk, points.disk, { userNamespace });
      const layers = `lowerdir=${points.layers.join(':')},upperdir=${points.disk}/upper,workdir=${points.disk}/work`;
      const options = [layers, ...OVERLAY_OPTIONS].join(',');
      withFilesystemIds(firstId, () => mountFilesystem('overlay', points.root, options));
    } catch (error) {
      this.unmount(slot);
      throw error;
    }
  }

  /** Takes the mounts of a slot off the host. */
  unmount(slot: number): void {
    const points = this.#points(slot);
    for (const point of [points.root, points.disk, points.daemon, ...points.layers]) while (unmount(point));
  }
}
