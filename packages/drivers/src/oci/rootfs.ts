import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { isMissing } from './files.ts';
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

  #folder(slot: number): string {
    return path.join(this.#options.folder, String(slot));
  }

  #points(slot: number): Rootfs {
    const folder = this.#folder(slot);
    return {
      root: path.join(folder, 'root'),
      disk: path.join(folder, 'disk'),
      daemon: path.join(folder, 'daemon'),
    };
  }

  /** Where {@link mount} puts the mounts of a slot. */
  places(slot: number): Rootfs {
    return this.#points(slot);
  }

  /**
   * Mounts the file system of the box in a slot. Leaves nothing when it fails.
   * @param disk the box's disk on the host.
   * @param imageLayers the image that it belongs on. Default: the present one.
   */
  mount(
    { slot, firstId, userNamespace }: SlotPlace,
    disk: string,
    imageLayers: readonly string[] = this.#options.imageLayers,
  ): void {
    const points = this.#points(slot);
    const layerPoints = imageLayers.map((_, index) => path.join(this.#folder(slot), String(index)));
    try {
      for (const point of [points.root, points.disk, points.daemon, ...layerPoints]) {
        mkdirSync(point, { recursive: true, mode: 0o711 });
      }
      imageLayers.forEach((layer, index) => {
        mountIdmapped(layer, layerPoints[index] ?? '', { userNamespace, readOnly: true });
      });
      mountIdmapped(this.#options.daemonFolder, points.daemon, { userNamespace, readOnly: true });
      mountIdmapped(disk, points.disk, { userNamespace });
      const layers = `lowerdir=${layerPoints.join(':')},upperdir=${points.disk}/upper,workdir=${points.disk}/work`;
      const options = [layers, ...OVERLAY_OPTIONS].join(',');
      withFilesystemIds(firstId, () => mountFilesystem('overlay', points.root, options));
    } catch (error) {
      this.unmount(slot);
      throw error;
    }
  }

  /** Takes the mounts of a slot off the host. */
  unmount(slot: number): void {
    const { root } = this.#points(slot);
    while (unmount(root));
    for (const point of foldersIn(this.#folder(slot))) while (unmount(point));
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => path.join(folder, name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
