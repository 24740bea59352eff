import type { Checkpoint } from '@banata/protocol';
import type { CheckpointRow } from '../../database/tables/lasting.ts';

/** A checkpoint as the API shows it. */
export function toCheckpoint(row: CheckpointRow): Checkpoint {
  return {
    id: row.id,
    sandboxId: row.sandbox_id,
    name: row.name,
    metadata: row.metadata,
    state: row.state,
    size: row.size,
    storedSize: row.stored_size,
    sha256: row.sha256,
    createdAt: row.created_at,
    storedAt: row.stored_at,
    reason: row.reason,
  };
}

/** Address of a checkpoint's contents in the object store. */
export function objectKeyOf(row: Pick<CheckpointRow, 'organization_id' | 'id'>): string {
  return `checkpoints/${row.organization_id}/${row.id}.tar.zst`;
}
