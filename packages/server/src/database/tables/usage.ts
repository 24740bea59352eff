import type { ColumnType } from 'kysely';

/** A time during which a sandbox ran; open while `ended_at` is null. */
export interface SandboxRunsTable {
  sandbox_id: string;
  started_at: number;
  ended_at: number | null;
  organization_id: string;
  browser: boolean;
}

/** The counters of a box as last read, which the next reading is compared with. */
export interface BoxSamplesTable {
  sandbox_id: string;
  box_id: string;
  sampled_at: number;
  cpu_us: number;
  egress_bytes: number;
  ingress_bytes: number;
}

export interface SandboxUsageDaysTable {
  sandbox_id: string;
  /** UTC. */
  day: string;
  organization_id: string;
  cpu_us: number;
  memory_peak_bytes: number;
  storage_peak_bytes: number;
  egress_bytes: number;
  ingress_bytes: number;
}

/** Token buckets. Times come from the database’s clock. */
export interface RateBucketsTable {
  organization_id: string;
  name: string;
  tokens: number;
  updated_at: number;
  /** What the last asker got. */
  granted: number;
}

export interface IdempotencyKeysTable {
  organization_id: string;
  /** Id of the route. */
  route: string;
  key: string;
  request_hash: string;
  /** Set aside for the object the request makes. */
  object_id: string;
  /** Who runs the request; null when nobody does. */
  owner: string | null;
  lease_until: number;
  /** Status and body as JSON, sealed: they may hold a secret. Null until the request is done. */
  reply_sealed: Buffer | null;
  created_at: number;
}

export interface ModelUsageTable {
  /** UTC. */
  day: ColumnType<string, string | undefined, never>;
  sandbox_id: string;
  organization_id: string;
  model: string;
  requests: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number;
  duration_ms: number;
}
