import type {
  AgentTask,
  Artifact,
  AuditEntry,
  BrowserSession,
  BrowserWeight,
  CapabilitiesInput,
  CheckpointState,
  Connection,
  DeliveryStatus,
  EgressProfile,
  EventType,
  Handoff,
  Isolation,
  ModelKey,
  Network,
  PromptBudget,
  Role,
  SandboxStatus,
  Scope,
  Skill,
  SkillInput,
  TaskStatus,
  WebhookPayload,
  WebhookStyle,
} from '@banata/protocol';
import type {
  BoxTask,
  BoxTaskRequest,
  BrowserStep,
  ReplayResult,
  Runtime,
  TaskReport,
  TaskUsage,
} from '@banata/protocol/box';
import type { SizeLimits } from '@banata/config';
import type { ColumnType, Generated, Insertable, JSONColumnType, Selectable } from 'kysely';

/** A JSON column that may be NULL. */
type NullableJson<T> = ColumnType<T | null, string | null, string | null>;

/** Times are epoch milliseconds (bigint in the database, number here). */
export interface OrganizationsTable {
  id: string;
  name: string;
  /** True for the one organization that runs this installation. */
  operator: ColumnType<boolean, boolean | undefined, never>;
  /** Null: the default one of the installation. */
  plan: ColumnType<string | null, string | null | undefined, string | null>;
  created_at: number;
  suspended_at: ColumnType<number | null, number | null | undefined, number | null>;
  suspended_reason: ColumnType<string | null, string | null | undefined, string | null>;
  /** The row stays: audit log, usage and events refer to it. */
  deleted_at: ColumnType<number | null, number | null | undefined, number | null>;
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
  /** The key that a rotation made in its place. */
  replaced_by: string | null;
}

/** An account is good for one organization: whoever invites an address gets no way into another one. */
export interface UsersTable {
  id: string;
  organization_id: string;
  /** Lower case. */
  email: string;
  name: string | null;
  role: Role;
  /** Null until an invitation was accepted, and for users of the OpenID Connect provider. */
  password_hash: string | null;
  /** Issuer and subject at the OpenID Connect provider, from the first sign-in there on. */
  oidc_subject: string | null;
  created_at: number;
  last_sign_in_at: number | null;
}

export interface InvitationsTable {
  /** SHA-256, hex. */
  token_hash: string;
  user_id: string;
  created_at: number;
  expires_at: number;
}

export interface SessionsTable {
  id: string;
  /** SHA-256, hex. */
  token_hash: string;
  user_id: string;
  created_at: number;
  expires_at: number;
}

/** Tries to sign in that were not successful, counted per account and per address. */
export interface SignInTriesTable {
  bucket: string;
  tries: number;
  resets_at: number;
}

export interface AuditLogTable {
  ordinal: Generated<number>;
  id: string;
  at: number;
  organization_id: string;
  actor_kind: AuditEntry['actor']['kind'];
  actor_id: string | null;
  actor_name: string | null;
  route: string;
  objects: JSONColumnType<Record<string, unknown>>;
  outcome: AuditEntry['outcome'];
  status: number;
  code: string | null;
  ip: string | null;
  request_id: string;
}

export interface SandboxesTable {
  id: string;
  organization_id: string;
  status: SandboxStatus;
  runtime: Runtime;
  size: string;
  /** What its size meant when it was created; null for sandboxes from before there were sizes. */
  limits: ColumnType<SizeLimits | null, string | null | undefined, string | null>;
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
  /** Highest `txn` among its events. */
  event_txn: Generated<number>;
  /** Cursor of the newest journal entry of the box that was taken over. */
  box_cursor: number;
  last_task_report: NullableJson<TaskReport>;
  /** What the sandbox may reach. */
  network: ColumnType<Network, string | undefined, string>;
  /** A browser session is a box with nothing but a browser. */
  kind: ColumnType<'sandbox' | 'browser', 'sandbox' | 'browser' | undefined, never>;
  /** What a browser session was asked to be; null for sandboxes. */
  browser_session: NullableJson<BrowserSettings>;
  /** Sandbox that a browser session belongs to. */
  paired_with: ColumnType<string | null, string | null | undefined, never>;
  /** Browser session that belongs to a sandbox, from the moment it is ready. */
  paired_session_id: Generated<string | null>;
  /** Proxy of the sandbox’s creator as JSON, sealed with the installation's secret. */
  proxy_sealed: Generated<Buffer | null>;
  /** When a CDP client first connected to a browser session. */
  cdp_client_at: Generated<number | null>;
  /** Who may drive the browser; changed through `ControlStore` only. */
  control_mode: Generated<'ai' | 'human' | 'shared'>;
  control_controller: Generated<string | null>;
  /** Key of the viewer that took control by its link; null where an API call gave it. */
  control_holder: Generated<string | null>;
  control_lease_until: Generated<number | null>;
  /** Grows with every change of control; the box refuses older ones. */
  control_epoch: Generated<number>;
  /** Box and epoch that the box confirmed last, as `BOX:EPOCH`. */
  control_applied: Generated<string | null>;
  /** Links to the browser that were signed for an earlier one are void. */
  links_epoch: Generated<number>;
  /** Checkpoint that its box is being made from; null when that is done. */
  checkpoint_id: string | null;
  /** The box that goes when the one that is being restored is ready, and that comes back otherwise. */
  previous_box_id: string | null;
  /** Set from the pause until the sandbox is ready again. */
  paused_at: number | null;
  /** How long it was paused in all. */
  paused_ms: Generated<number>;
}

/** What a browser session was asked to be. */
export interface BrowserSettings {
  weight: BrowserWeight;
  isolation: BrowserSession['isolation'];
  egressProfile: EgressProfile;
  /** What it leaves behind. Absent: nothing. */
  har?: boolean;
  screenshots?: boolean;
}

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

export interface EventsTable {
  id: string;
  organization_id: string;
  sandbox_id: string;
  seq: number;
  type: string;
  data: JSONColumnType<Record<string, unknown>>;
  created_at: number;
  /** Id of the transaction that appended it, plus the offset of {@link EventClockTable}. */
  txn: number;
  /** Order within a transaction. */
  position: Generated<number>;
}

/** One row. */
export interface EventClockTable {
  /** What is added to PostgreSQL’s transaction ids, so that `events.txn` grows over a restore elsewhere too. */
  txn_offset: number;
}

export interface WebhooksTable {
  id: string;
  organization_id: string;
  url: string;
  description: string;
  /** Null: all except those of high rate. */
  event_types: EventType[] | null;
  /** Names it was last written with. */
  style: WebhookStyle;
  enabled: boolean;
  disabled_reason: string | null;
  /** Sealed with the installation's secret, in the context of the webhook's id. */
  secret_sealed: Buffer;
  previous_secret_sealed: Buffer | null;
  previous_secret_until: number | null;
  failing_since: number | null;
  created_at: number;
  updated_at: number;
}

/** The outbox: a row per event and webhook, made in the transaction of the event. */
export interface WebhookDeliveriesTable {
  id: string;
  ordinal: Generated<number>;
  webhook_id: string;
  event_id: string;
  event_type: string;
  sandbox_id: string | null;
  /** Only where there is no row in `events`. */
  payload: NullableJson<WebhookPayload>;
  status: DeliveryStatus;
  /** Attempts that were begun. */
  attempts: number;
  next_attempt_at: number;
  give_up_at: number;
  /** Server that is sending it, and until when at the latest. */
  lease_owner: string | null;
  lease_until: number | null;
  created_at: number;
  finished_at: number | null;
}

export interface WebhookAttemptsTable {
  delivery_id: string;
  number: number;
  started_at: number;
  duration_ms: number;
  status: number | null;
  error: string | null;
  response_body: string | null;
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
  model: string | null;
  files: JSONColumnType<string[]>;
  response_schema: NullableJson<NonNullable<BoxTaskRequest['responseSchema']>>;
  structured: NullableJson<BoxTask['structured']>;
  files_changed: ColumnType<string[], string | undefined, string>;
  budget: ColumnType<PromptBudget | null, string | null | undefined, never>;
  /** What the model gateway saw it use. */
  spent_requests: Generated<number>;
  spent_tokens: Generated<number>;
  spent_cost_usd: Generated<number>;
  /** Calls whose cost nobody knows. */
  spent_unpriced: Generated<number>;
  /** Cost by model, as it was asked for. */
  spent_by_model: ColumnType<Record<string, number>, undefined, string>;
  /** Why it is to be ended as failed; null for a task that is left alone or cancelled. */
  stop_error: ColumnType<{ code: string; message: string } | null, undefined, string>;
  /** Completion report, the agent's own or a derived one. */
  report: ColumnType<TaskReport | null, undefined, string>;
  skill_id: ColumnType<string | null, string | null | undefined, never>;
  /** Steps of a skill with the values of this run, sealed; null for a prompt, and once the task has ended. */
  replay_sealed: ColumnType<Buffer | null, Buffer | null | undefined, null>;
  /** What became of the steps. */
  replay: ColumnType<ReplayResult | null, undefined, string | null>;
  timeout_ms: number;
  cancel_requested: boolean;
  result_text: string | null;
  error: NullableJson<{ code: string; message: string }>;
  usage: JSONColumnType<TaskUsage>;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  /** W3C trace context of the request that made it; null where nothing is traced. */
  traceparent: ColumnType<string | null, string | null | undefined, string | null>;
  /** Whether it is begun also while a person is asked for. */
  during_handoff: ColumnType<boolean, boolean | undefined, boolean>;
  /** The request for a person after whose end the agent goes on with it. */
  handoff_id: ColumnType<string | null, string | null | undefined, string | null>;
  /** The task that waits for it, and ends as it ends. */
  continues_task_id: ColumnType<string | null, string | null | undefined, string | null>;
  /** The request for a person that kept it from the browser, after whose end it is gone on with. */
  held_back_by: ColumnType<string | null, string | null | undefined, string | null>;
}

/** Requests of agents that become pending when the one before them is over. */
export interface HandoffQueueTable {
  id: string;
  /** Order of arrival. */
  ordinal: Generated<number>;
  sandbox_id: string;
  /** The task that waits. */
  task_id: string | null;
  wanted: JSONColumnType<object>;
  created_at: number;
}

export interface HandoffsTable {
  id: string;
  /** Order of arrival. */
  ordinal: Generated<number>;
  organization_id: string;
  sandbox_id: string;
  status: Handoff['status'];
  round: number;
  reason: Handoff['reason'];
  message: string;
  requested_by: Handoff['requestedBy'];
  resume_prompt: string | null;
  /** The form of the request, never what was entered. */
  fields: NullableJson<NonNullable<Handoff['fields']>>;
  deliver: NonNullable<Handoff['deliver']> | null;
  filled_at: number | null;
  detected: NullableJson<NonNullable<Handoff['detected']>>;
  controller: string | null;
  /** Tab that accepted by link. */
  holder: string | null;
  note: string | null;
  lease_until: number | null;
  /** The task that waits. */
  task_id: string | null;
  /** The task with which the agent went on. */
  follow_up_task_id: string | null;
  requested_at: number;
  accepted_at: number | null;
  completed_at: number | null;
  expires_at: number;
  updated_at: number;
}

export interface SkillsTable {
  id: string;
  organization_id: string;
  name: string;
  description: string;
  site: string | null;
  recipe: string;
  steps: JSONColumnType<BrowserStep[]>;
  inputs: JSONColumnType<SkillInput[]>;
  source: NullableJson<NonNullable<Skill['source']>>;
  created_at: number;
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

export interface ModelKeysTable {
  organization_id: string;
  provider: ModelKey['provider'];
  /** Sealed with the installation's secret, in the context of organization and provider; null for none. */
  key_sealed: Buffer | null;
  base_url: string | null;
  model: string | null;
  small_model: string | null;
  updated_at: number;
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

/** Kept browser profiles. */
export interface BrowserProfilesTable {
  organization_id: string;
  key: string;
  /** Where its content is; null until it was saved once. */
  object_key: string | null;
  size: number | null;
  saved_at: number | null;
  created_at: number;
  /** Sandbox that used it last, and uses it until it has ended. */
  sandbox_id: string | null;
}

export interface Tables {
  port_previews: PortPreviewsTable;
  installation: InstallationTable;
  organizations: OrganizationsTable;
  api_keys: ApiKeysTable;
  users: UsersTable;
  invitations: InvitationsTable;
  sessions: SessionsTable;
  sign_in_tries: SignInTriesTable;
  audit_log: AuditLogTable;
  sandboxes: SandboxesTable;
  checkpoints: CheckpointsTable;
  events: EventsTable;
  agent_tasks: AgentTasksTable;
  handoffs: HandoffsTable;
  handoff_queue: HandoffQueueTable;
  skills: SkillsTable;
  artifacts: ArtifactsTable;
  object_transfers: ObjectTransfersTable;
  model_keys: ModelKeysTable;
  model_usage: ModelUsageTable;
  sandbox_runs: SandboxRunsTable;
  box_samples: BoxSamplesTable;
  sandbox_usage_days: SandboxUsageDaysTable;
  rate_buckets: RateBucketsTable;
  idempotency_keys: IdempotencyKeysTable;
  event_clock: EventClockTable;
  webhooks: WebhooksTable;
  webhook_deliveries: WebhookDeliveriesTable;
  webhook_attempts: WebhookAttemptsTable;
  network_log: NetworkLogTable;
  browser_profiles: BrowserProfilesTable;
}

export type OrganizationRow = Selectable<OrganizationsTable>;
export type ApiKeyRow = Selectable<ApiKeysTable>;
export type UserRow = Selectable<UsersTable>;
export type AuditRow = Selectable<AuditLogTable>;
export type SandboxRow = Selectable<SandboxesTable>;
export type CheckpointRow = Selectable<CheckpointsTable>;
export type TaskRow = Selectable<AgentTasksTable>;
export type HandoffRow = Selectable<HandoffsTable>;
export type PortPreviewRow = Selectable<PortPreviewsTable>;
export type ModelKeyRow = Selectable<ModelKeysTable>;
export type SkillRow = Selectable<SkillsTable>;
export type NewSkillRow = Insertable<SkillsTable>;
export type ArtifactRow = Selectable<ArtifactsTable>;
export type ObjectTransferRow = Selectable<ObjectTransfersTable>;
export type BrowserProfileRow = Selectable<BrowserProfilesTable>;
export type EventRow = Selectable<EventsTable>;
export type WebhookRow = Selectable<WebhooksTable>;
export type DeliveryRow = Selectable<WebhookDeliveriesTable>;
export type AttemptRow = Selectable<WebhookAttemptsTable>;
