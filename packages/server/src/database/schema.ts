import type { AgentTask, CapabilitiesInput, Connection, Isolation, Network, SandboxStatus, Scope, TaskStatus } from '@banata/protocol';
import type { Runtime, TaskReport, TaskUsage } from '@banata/protocol/box';
import type { ColumnType, Generated, JSONColumnType, Selectable } from 'kysely';

/** A JSON column that may be NULL. */
type NullableJson<T> = ColumnType<T | null, string | null, string | null>;

/** Times are epoch milliseconds (bigint in the database, number here). */
export interface OrganizationsTable {
  id: string;
  name: string;
  created_at: number;
}

export interface ApiKeysTable {
  id: string;
  organization_id: string;
  name: string;
  /** First characters of the key, to tell keys apart in lists. */
  prefix: string;
  /** SHA-256 of the key, hex. The key itself is never stored. */
  hash: string;
  /** Null: full access. */
  scopes: Scope[] | null;
  created_at: number;
  last_used_at: number | null;
  expires_at: number | null;
  revoked_at: number | null;
}

export interface SandboxesTable {
  id: string;
  organization_id: string;
  status: SandboxStatus;
  runtime: Runtime;
  size: 'standard';
  isolation: Isolation;
  region: string;
  ephemeral: boolean;
  /** As asked, in the names of the API generation it was asked in. */
  capabilities: NullableJson<CapabilitiesInput>;
  metadata: JSONColumnType<Record<string, string>>;
  /** The sandbox's environment, sealed with the installation's secret. */
  env_sealed: Buffer;
  /** Box of the driver; set before the box is made. */
  box_id: string | null;
  /** SHA-256 of the token the sandbox presents to the model gateway, hex. */
  model_token_hash: string | null;
  /** Whether a server has to follow the box's events: it has a browser or an agent. */
  followed: boolean;
  created_at: number;
  ready_at: number | null;
  ended_at: number | null;
  expires_at: number;
  idle_timeout_ms: number | null;
  last_activity_at: number;
  /** Work is going on until at least then. Renewed while it does. */
  active_until: number;
  /** The deadline whose approach was announced last. */
  announced_deadline: number | null;
  end_reason: string | null;
  /** Server that speaks for this sandbox, and until when. */
  lease_owner: string | null;
  lease_until: number;
  /** Sequence number of the newest event. */
  event_seq: number;
  /** Cursor of the newest journal entry of the box that was taken over. */
  box_cursor: number;
  last_task_report: NullableJson<TaskReport>;
  /** What the sandbox may reach. */
  network: ColumnType<Network, string | undefined, string>;
}

export interface EventsTable {
  id: string;
  organization_id: string;
  sandbox_id: string;
  seq: number;
  type: string;
  data: JSONColumnType<Record<string, unknown>>;
  created_at: number;
}

export interface AgentTasksTable {
  id: string;
  /** Order of arrival. */
  ordinal: Generated<number>;
  organization_id: string;
  sandbox_id: string;
  status: TaskStatus;
  prompt: string;
  agent: 'build' | 'plan' | null;
  session_id: string | null;
  metadata: JSONColumnType<AgentTask['metadata']>;
  system: string | null;
  no_reply: boolean;
  timeout_ms: number;
  cancel_requested: boolean;
  result_text: string | null;
  error: NullableJson<{ code: string; message: string }>;
  usage: JSONColumnType<TaskUsage>;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
}

export interface ArtifactsTable {
  sandbox_id: string;
  key: string;
  organization_id: string;
  name: string;
  kind: 'file' | 'task-report';
  size: number;
  content_type: string;
  sha256: string;
  source: string | null;
  /** Address in the object store. */
  object_key: string;
  created_at: number;
}

export interface ModelUsageTable {
  sandbox_id: string;
  organization_id: string;
  model: string;
  requests: number;
  input_tokens: number;
  output_tokens: number;
}

interface NetworkLogTable {
  id: Generated<number>;
  sandbox_id: string;
  time: number;
  protocol: Connection['protocol'];
  host: string | null;
  address: string | null;
  port: number;
  bytes_sent: number;
  bytes_received: number;
  allowed: boolean;
  rule: string;
}

export interface PortPreviewsTable {
  /** First part of the preview's host name; a preview that was revoked and made again has another. */
  label: string;
  sandbox_id: string;
  organization_id: string;
  port: number;
  public: boolean;
  expires_at: number;
  created_at: number;
}

/** Facts of the installation as a whole. */
export interface InstallationTable {
  name: string;
  value: Buffer;
}

export interface Tables {
  port_previews: PortPreviewsTable;
  installation: InstallationTable;
  organizations: OrganizationsTable;
  api_keys: ApiKeysTable;
  sandboxes: SandboxesTable;
  events: EventsTable;
  agent_tasks: AgentTasksTable;
  artifacts: ArtifactsTable;
  model_usage: ModelUsageTable;
  network_log: NetworkLogTable;
}

export type SandboxRow = Selectable<SandboxesTable>;
export type TaskRow = Selectable<AgentTasksTable>;
export type PortPreviewRow = Selectable<PortPreviewsTable>;
export type ArtifactRow = Selectable<ArtifactsTable>;
export type EventRow = Selectable<EventsTable>;
