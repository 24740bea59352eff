import type { NullableJson } from './columns.ts';
import type { SizeLimits } from '@banata/config';
import type {
  BrowserSession,
  BrowserWeight,
  CapabilitiesInput,
  Connection,
  EgressProfile,
  Isolation,
  Network,
  SandboxStatus,
} from '@banata/protocol';
import type { Runtime, TaskReport } from '@banata/protocol/box';
import type { ColumnType, Generated, JSONColumnType, Selectable } from 'kysely';

/** Limits of a sandbox from before there was one of output lack that. */
type StoredLimits = Omit<SizeLimits, 'outputBytes'> & Partial<Pick<SizeLimits, 'outputBytes'>>;

export interface SandboxesTable {
  id: string;
  organization_id: string;
  status: SandboxStatus;
  runtime: Runtime;
  size: string;
  /** What its size meant when it was created; null for sandboxes from before there were sizes. */
  limits: ColumnType<StoredLimits | null, string | null | undefined, string | null>;
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
  /** Whether a server has to follow the box's events: it has a browser or an agent, or had something to tell. */
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

export interface NetworkLogTable {
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

export type SandboxRow = Selectable<SandboxesTable>;

export type PortPreviewRow = Selectable<PortPreviewsTable>;

export type BrowserProfileRow = Selectable<BrowserProfilesTable>;
