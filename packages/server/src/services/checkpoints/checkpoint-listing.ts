import type { CheckpointRow } from '../../database/tables/lasting.ts';
import type { ObjectListing } from '../../stores/artifact-store.ts';
import type { CheckpointDeletion } from '../../stores/checkpoint-store.ts';
import type { StoredObject } from '../../stores/objects/object-store.ts';
import type { ArtifactService } from '../artifacts.ts';
import { artifactEvent } from '../artifacts/artifact-view.ts';
import { objectKeyOf } from './checkpoint-view.ts';

/** The record under which a stored checkpoint is among the artifacts: `checkpoints/ID.tar.zst`. */
export function checkpointListing(
  artifacts: Pick<ArtifactService, 'listing'>,
  row: Pick<CheckpointRow, 'id' | 'organization_id' | 'sandbox_id'>,
  { size, sha256 }: StoredObject,
): Promise<ObjectListing> {
  return artifacts.listing({
    sandboxId: row.sandbox_id,
    name: `${row.id}.tar.zst`,
    kind: 'checkpoint',
    contentType: 'application/zstd',
    object: { key: objectKeyOf(row), size, sha256 },
  });
}

/** What of a deleted checkpoint may be among the artifacts. */
export function withdrawnListing(row: CheckpointRow): CheckpointDeletion['withdrawn'] {
  return { objectKey: objectKeyOf(row), event: (artifact) => artifactEvent('deleted', artifact) };
}
