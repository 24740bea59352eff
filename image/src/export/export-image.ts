import { createHash } from 'node:crypto';
import { access, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import type { SandboxImage } from '../build/build-image.ts';
import { type ImageProgress, ProgressReporter } from '../build/progress.ts';
import { ImageError } from '../image-error.ts';
import { ArchiveFile, blobName } from './archive-file.ts';
import { readLayerAttributes } from './extended-attributes.ts';
import { type ExportedLayer, imageConfig, imageIndex, imageManifest, json } from './image-config.ts';
import { type LayerEntry, listLayerEntries } from './layer-entries.ts';
import { layerTar } from './layer-tar.ts';

export interface ExportImageOptions {
  image: SandboxImage;
  /** Folder of the built box daemon; becomes `/opt/banata`, the last layer. */
  boxdDir: string;
  /** File to write; replaced when it exists, and only once the new one is whole. */
  output: string;
  /** Name of the image without tag, default `localhost/banata/sandbox`. The tag is the image's id. */
  name?: string;
  onProgress?: (event: ImageProgress) => void;
  signal?: AbortSignal;
}

/** What {@link exportImage} wrote. */
export interface ExportedImage {
  output: string;
  /** Name and tag under which an engine knows the image after the import. */
  reference: string;
  /** Digest of the manifest, `sha256:` and 64 hex digits. */
  digest: string;
}

interface NamedLayer {
  name: string;
  entries: LayerEntry[];
}

const DEFAULT_NAME = 'localhost/banata/sandbox';

/**
 * Writes the image, and the box daemon as its last layer, to a tar that is an OCI image layout and a Docker archive
 * at once: for `docker load`, `podman load` and `ctr image import`.
 * @throws ImageError `EXPORT_FAILED`, `HOST_UNSUITABLE` or `ABORTED`; no part of a file is left then.
 */
export async function exportImage(options: ExportImageOptions): Promise<ExportedImage> {
  await checkDaemon(options.boxdDir);
  using reporter = new ProgressReporter('export', options.onProgress ?? (() => undefined));
  reporter.report({ message: 'listing files' });
  const layers = await listLayers(options);
  const partial = `${options.output}.${process.pid}.partial`;
  try {
    const exported = await writeArchive(partial, layers, options, reporter);
    await rename(partial, options.output);
    reporter.report({ message: 'done', fraction: 1 });
    return exported;
  } catch (error) {
    await rm(partial, { force: true });
    if (options.signal?.aborted) throw new ImageError('ABORTED', 'The export of the image was stopped.');
    throw error;
  }
}

async function checkDaemon(boxdDir: string): Promise<void> {
  const entry = join(boxdDir, 'bin/boxd-init');
  await access(entry).catch(() => {
    throw new ImageError(
      'EXPORT_FAILED',
      `There is no ${entry}: build the box daemon first (npm run build --workspace @banata/boxd).`,
    );
  });
}

async function listLayers(options: ExportImageOptions): Promise<NamedLayer[]> {
  const layers: NamedLayer[] = [];
  for (const { name, rootfs } of options.image.stages) {
    const attributes = await readLayerAttributes(rootfs, options.signal);
    const entries = await listLayerEntries({ root: rootfs, prefix: '', ownedByRoot: false, attributes });
    layers.push({ name, entries });
  }
  const attributes = { opaque: new Set<string>(), capabilities: new Map<string, Buffer>() };
  const daemon = { root: options.boxdDir, prefix: 'opt/banata', ownedByRoot: true, attributes };
  layers.push({ name: 'boxd', entries: await listLayerEntries(daemon) });
  return layers;
}

async function writeArchive(
  path: string,
  layers: NamedLayer[],
  options: ExportImageOptions,
  reporter: ProgressReporter,
): Promise<ExportedImage> {
  await using archive = await ArchiveFile.create(path);
  const total = layers.flatMap((layer) => layer.entries).reduce((sum, entry) => sum + entry.header.size, 0);
  const written: ExportedLayer[] = [];
  let done = 0;
  for (const layer of layers) {
    const count = (bytes: number) => {
      done += bytes;
      reporter.report({ message: `packing ${layer.name}`, fraction: Math.min(1, done / total) });
    };
    written.push(await writeLayer(archive, layer, count, options.signal));
  }
  const reference = `${options.name ?? DEFAULT_NAME}:${options.image.id}`;
  const config = await archive.addBlob(imageConfig(written, new Date().toISOString()));
  const manifest = await archive.addBlob(imageManifest(config, written));
  await archive.addFile('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  await archive.addFile('index.json', imageIndex(manifest, reference));
  const forDocker = {
    Config: blobName(config.digest),
    RepoTags: [reference],
    Layers: written.map((layer) => blobName(layer.blob.digest)),
  };
  await archive.addFile('manifest.json', json([forDocker]));
  await archive.finish();
  return { output: options.output, reference, digest: `sha256:${manifest.digest}` };
}

/** Bytes of tar between two progress events. */
const PROGRESS_BYTES = 16 * 1024 * 1024;

async function writeLayer(
  archive: ArchiveFile,
  layer: NamedLayer,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<ExportedLayer> {
  const plain = createHash('sha256');
  let unreported = 0;
  async function* tapped() {
    for await (const chunk of layerTar(layer.entries)) {
      plain.update(chunk);
      unreported += chunk.length;
      if (unreported > PROGRESS_BYTES) {
        onBytes(unreported);
        unreported = 0;
      }
      yield chunk;
    }
  }
  const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 256 * 1024 });
  const packing = pipeline(Readable.from(tapped(), { objectMode: true }), gzip, {
    signal: signal ?? new AbortController().signal,
  });
  // Both ends are awaited: an error of the source surfaces in one, an error of the target in the other.
  const [blob] = await Promise.all([archive.addBlobStream(gzip), packing]);
  onBytes(unreported);
  return { name: layer.name, blob, diffId: plain.digest('hex') };
}
