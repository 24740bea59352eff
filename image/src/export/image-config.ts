import { IMAGE_ARCHITECTURE } from '../description.ts';
import { SANDBOX_ENVIRONMENT, SYSTEM_PATH } from '../sandbox-environment.ts';
import type { WrittenBlob } from './archive-file.ts';

/** A layer of an exported image. */
export interface ExportedLayer {
  /** What it holds, for `docker history`. */
  name: string;
  blob: WrittenBlob;
  /** SHA-256 of the uncompressed tar, hex. */
  diffId: string;
}

/** What the first process of a sandbox is, in every container engine. */
export const BOX_ENTRYPOINT: readonly string[] = ['/usr/bin/tini', '--', '/opt/banata/bin/boxd-init'];

/** The image's configuration (OCI image specification, config.md). */
export function imageConfig(layers: readonly ExportedLayer[], created: string): Buffer {
  // The daemon is root's: it must not find programs in folders that the account `user` can write to.
  const environment = { ...SANDBOX_ENVIRONMENT, PATH: SYSTEM_PATH };
  return json({
    created,
    architecture: IMAGE_ARCHITECTURE,
    os: 'linux',
    config: {
      User: 'root',
      Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      Entrypoint: BOX_ENTRYPOINT,
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${layer.diffId}`) },
    history: layers.map((layer) => ({ created, created_by: `banata image: ${layer.name}` })),
  });
}

/** The image's manifest (OCI image specification, manifest.md). */
export function imageManifest(config: WrittenBlob, layers: readonly ExportedLayer[]): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map((layer) => descriptor('application/vnd.oci.image.layer.v1.tar+gzip', layer.blob)),
  });
}

/** The layout's index (OCI image specification, image-layout.md), with the name that containerd gives the image. */
export function imageIndex(manifest: WrittenBlob, reference: string): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        platform: { architecture: IMAGE_ARCHITECTURE, os: 'linux' },
        annotations: {
          'io.containerd.image.name': reference,
          'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
        },
      },
    ],
  });
}

/** Encodes a value as the bytes of a JSON file. */
export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function descriptor(mediaType: string, blob: WrittenBlob) {
  return { mediaType, digest: `sha256:${blob.digest}`, size: blob.size };
}
