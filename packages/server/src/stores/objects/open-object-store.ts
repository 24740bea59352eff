import type { Config } from '@banata/config';
import { LocalObjectStore } from './local-object-store.ts';
import type { ObjectStore } from './object-store.ts';
import { S3ObjectStore } from './s3-object-store.ts';

/** The object store of the settings, and the folder for what a remote one does not have yet. */
export async function openObjectStore(
  config: Pick<Config, 's3' | 'paths'>,
): Promise<{ objects: ObjectStore; spool: ObjectStore | undefined }> {
  const local = new LocalObjectStore(config.s3 ? config.paths.spool : config.paths.artifacts);
  await local.removeStaleDrafts();
  return config.s3
    ? { objects: new S3ObjectStore(config.s3), spool: local }
    : { objects: local, spool: undefined };
}
