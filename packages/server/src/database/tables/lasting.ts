import type { Artifact, CheckpointState } from '@banata/protocol';
import type { Generated, JSONColumnType, Selectable } from 'kysely';

export interface CheckpointsTable {
  id: string;
  organization_id: string;
  sandbox_id: string;
  name: string | null;
  metadata: JSONColumnType<Record<string, string>>;
  state: CheckpointState;
  /** `snapshot`: a copy of the driver's. `archive`: what the box daemon packed; such a one is only ever in the store. */
  format: 'snapshot' | 'archive';
  /** Whether the driver has a copy. */
  local: Generated<boolean>;
  size: number | null;
  stored_size: number | null;
  sha256: string | null;
  reason: string | null;
  /** Failed uploads. */
  attempts: Generated<number>;
  next_attempt_at: Generated<number>;
  /** Server that makes or uploads it, and until when at the latest. */
  lease_owner: string | null;
  lease_until: Generated<number>;
  created_at: number;
  stored_at: number | null;
  /** When it was made or restored last. */
  used_at: number;
  deleted_at: number | null;
}

export interface ArtifactsTable {
  sandbox_id: string;
  key: string;
  organization_id: string;
  name: string;
  kind: Artifact['kind'];
  state: Artifact['state'];
  size: number;
  content_type: string;
  sha256: string;
  source: string | null;
  /** Address in the object store. */
  object_key: string;
  /** Whether the object is the artifact's own, and goes with it. */
  owns_object: boolean;
  created_at: number;
}

/** What is still to be done at the object store. At most one row of a kind for an object. */
export interface ObjectTransfersTable {
  object_key: string;
  /** `upload`: from the spool of a server. `delete`: from there and from the store; once no upload is left. */
  kind: 'upload' | 'delete';
  /** Server whose spool has the content. */
  server_id: string;
  size: number;
  sha256: string | null;
  content_type: string | null;
  attempts: number;
  next_attempt_at: number;
  last_error: string | null;
  created_at: number;
}

export type CheckpointRow = Selectable<CheckpointsTable>;

export type ArtifactRow = Selectable<ArtifactsTable>;

export type ObjectTransferRow = Selectable<ObjectTransfersTable>;
