import type {
  ApiKeysTable,
  AuditLogTable,
  InstallationTable,
  InvitationsTable,
  OrganizationsTable,
  SessionsTable,
  SignInTriesTable,
  UsersTable,
} from './tables/access.ts';
import type {
  AgentTasksTable,
  HandoffQueueTable,
  HandoffsTable,
  ModelKeysTable,
  SkillsTable,
} from './tables/agent.ts';
import type {
  EventClockTable,
  EventsTable,
  WebhookAttemptsTable,
  WebhookDeliveriesTable,
  WebhooksTable,
} from './tables/events.ts';
import type { ArtifactsTable, CheckpointsTable, ObjectTransfersTable } from './tables/lasting.ts';
import type {
  BrowserProfilesTable,
  NetworkLogTable,
  PortPreviewsTable,
  SandboxesTable,
} from './tables/sandboxes.ts';
import type {
  BoxSamplesTable,
  IdempotencyKeysTable,
  ModelUsageTable,
  RateBucketsTable,
  SandboxRunsTable,
  SandboxUsageDaysTable,
} from './tables/usage.ts';

/** All tables by name. Times are epoch milliseconds: bigint in the database, number here. */
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
