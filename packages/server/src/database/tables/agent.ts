import type { NullableJson } from './columns.ts';
import type {
  AgentTask,
  Handoff,
  ModelKey,
  PromptBudget,
  Skill,
  SkillInput,
  TaskStatus,
} from '@banata/protocol';
import type {
  BoxTask,
  BoxTaskRequest,
  BrowserStep,
  ReplayResult,
  TaskReport,
  TaskUsage,
} from '@banata/protocol/box';
import type { ColumnType, Generated, Insertable, JSONColumnType, Selectable } from 'kysely';

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

export type TaskRow = Selectable<AgentTasksTable>;

export type HandoffRow = Selectable<HandoffsTable>;

export type ModelKeyRow = Selectable<ModelKeysTable>;

export type SkillRow = Selectable<SkillsTable>;

export type NewSkillRow = Insertable<SkillsTable>;
