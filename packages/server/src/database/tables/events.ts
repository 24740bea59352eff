import type { NullableJson } from './columns.ts';
import type { DeliveryStatus, EventType, WebhookPayload, WebhookStyle } from '@banata/protocol';
import type { Generated, JSONColumnType, Selectable } from 'kysely';

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

export type EventRow = Selectable<EventsTable>;

export type WebhookRow = Selectable<WebhooksTable>;

export type DeliveryRow = Selectable<WebhookDeliveriesTable>;

export type AttemptRow = Selectable<WebhookAttemptsTable>;
