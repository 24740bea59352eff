import type {
  BrowserSession,
  Checkpoint,
  ArchiveFormat,
  ArtifactKind,
  contract,
  CreateBrowser,
  CreateSandbox,
  EventData,
  EventType,
  ForkSandbox,
  RouteResult,
  SandboxEvent,
  SandboxSession,
  WebhookPayload,
} from '@banata/protocol';
import type {
  AgentMessage,
  BoxAsks,
  BoxContext,
  BoxContextResult,
  BoxExecResult,
  BoxProcess,
  BoxProcessOutput,
  BoxTerminal,
  BrowserStep,
  ConversionOptions,
  DocumentFormat,
  CodeLanguage,
  ContextLanguage,
  FileChange,
  FileEntry,
  ProcessChunk,
  PROCESS_SIGNALS,
  ReplayResult,
  ReplayStep,
  TaskReport,
} from '@banata/protocol/box';

export type {
  AgentTask,
  ApiKey,
  ArchiveFormat,
  Artifact,
  BrowserSession,
  AuditEntry,
  CapabilitiesInput,
  Checkpoint,
  Connection,
  CreatedOrganization,
  DeletedOrganization,
  ArtifactKind,
  Conversion,
  EventData,
  EventType,
  Handoff,
  HandoffField,
  HandoffReason,
  HandoffStatus,
  Identity,
  InvitedUser,
  ModelKey,
  NewApiKey,
  Network,
  Organization,
  PortPreview,
  Role,
  SandboxSession,
  SandboxStatus,
  Scope,
  Skill,
  SkillInput,
  TaskStatus,
  User,
  Webhook,
  WebhookDelivery,
} from '@banata/protocol';
export type {
  AgentMessage,
  BrowserStep,
  CodeLanguage,
  ConversionOptions,
  DocumentFormat,
  FileChange,
  FileEntry,
  ReplayResult,
  ReplayStep,
  TaskReport,
};

type Routes = typeof contract;

/** What every method takes: aborting rejects it with the reason of the signal. */
export interface CallOptions {
  /** Ends the call. What it began on the server goes on unless the method says otherwise. */
  signal?: AbortSignal;
}

/** What the agent waits for a person to decide. */
export type AgentAsks = BoxAsks;

/** Any JSON value. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** What a sandbox is made with; all of it is optional. */
export type CreateOptions = CreateSandbox;

/** Outcome of a command or a snippet of code. A command that fails is an outcome, not an error. */
export type ExecResult = BoxExecResult;

/** What {@link BanataSandbox.create} takes beside the sandbox's options. */
export interface CreateCallOptions extends CallOptions {
  /**
   * Name of your own for this request, 1 to 255 visible ASCII characters: the same one answers the same sandbox for 24
   * hours, also after your process was killed in between. Default: a new one, so that retries are safe.
   */
  idempotencyKey?: string;
}

/** Of which days and which sandbox {@link BanataSandbox.getUsage} tells. */
export interface UsageOptions extends CallOptions {
  /** First day, UTC, such as `2026-04-01`. Default: the first of this month. */
  from?: string;
  /** Last day, UTC, included. Default: today. At most 366 days after `from`. */
  to?: string;
  /** Only this sandbox. */
  id?: string;
  /** Most entries of `sandboxes`. Default 50, at most 500. */
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

/** Plan of the organization and what of its limits is used. */
export type BillingInfo = RouteResult<Routes['usage']['getBilling']>;
/** Plans of the installation, least one first, and the organization's own. */
export type PlanList = RouteResult<Routes['usage']['listPlans']>;
/** What a sandbox uses at one moment. */
export type SandboxMetrics = RouteResult<Routes['usage']['sandboxMetrics']>;
/** Use in all, by day and by sandbox. */
export type Usage = RouteResult<Routes['usage']['getUsage']>;
/** Outcome of code; the fields of a context are there when it ran in one. */
export type CodeResult = BoxExecResult &
  Partial<Pick<BoxContextResult, 'context' | 'results' | 'error' | 'restarted'>>;
/** A background process as it is now. */
export type BackgroundProcess = BoxProcess;
/** Output of a background process from an offset on. */
export type ProcessOutput = BoxProcessOutput;
export type { ProcessChunk };
/** Signals that can be sent. */
export type ProcessSignal = (typeof PROCESS_SIGNALS)[number];
/** An interpreter that is kept alive. */
export type CodeContext = BoxContext;
/** Languages of contexts. */
export type CodeContextLanguage = ContextLanguage;
/** A terminal session. */
export type TerminalInfo = BoxTerminal;

/** What a browser session is made with; all of it is optional. */
export type CreateBrowserOptions = CreateBrowser;

/** A page of browser sessions, newest first. */
export interface BrowserSessionPage {
  data: BrowserSession[];
  /** Give it as `cursor` for the next page; null on the last one. */
  nextCursor: string | null;
}

/** A page of sandboxes, newest first. */
export interface SandboxPage {
  data: SandboxSession[];
  /** Give it as `cursor` for the next page; null on the last one. */
  nextCursor: string | null;
}

/** Entries of a folder. */
export type FileListing = RouteResult<Routes['work']['fsList']>;
/** Where a file was written and how long it is, bytes. */
export type WrittenFile = RouteResult<Routes['work']['fsWrite']>;
/** All about a file, a folder or a link. */
export type FileStat = RouteResult<Routes['files']['fsStat']>;
/** A line that {@link SandboxFiles.grep} found. */
export type GrepMatch = RouteResult<Routes['files']['fsGrep']>['matches'][number];
/** What {@link SandboxFiles.upload} unpacked. */
export type UnpackedArchive = RouteResult<Routes['files']['fsUpload']>;
/** A signed URL for one file, the method it is for, and the moment it expires, epoch ms. */
export type SignedFileUrl = RouteResult<Routes['files']['fsSign']>;
/** State of the browser with signed URLs. */
export type Preview = RouteResult<Routes['browser']['getPreview']>;
/** URLs of one preview connection: the live view, and where to send commands without an API key. */
export type PreviewConnectionInfo = NonNullable<Preview['connection']>;
/** Who controls the browser after a change. */
export type PreviewControl = RouteResult<Routes['browser']['controlPreview']>;
/** Who drives the browser: automation (`ai`), one person (`human`), or both (`shared`). */
export type ControlMode = Preview['controlMode'];
/** A request for a person with the state of the browser. */
export type HandoffReply = RouteResult<Routes['handoff']['request']>;
/** The newest request for a person. */
export type HandoffState = RouteResult<Routes['handoff']['get']>;
/** Open requests of all sandboxes. */
export type OpenHandoffPage = RouteResult<Routes['handoff']['open']>;
/** A page of the requests for a person of one sandbox, newest first. */
export type HandoffPage = RouteResult<Routes['handoff']['history']>;
/** Where the mouse of the desktop is after an act. */
export type ComputerReply = RouteResult<Routes['computer']['computerMove']>;
/** State of the browser after a command to it. */
export type PreviewCommandResponse = RouteResult<Routes['browser']['navigatePreview']>;
/** A page of the messages of an agent session, oldest first. */
export type AgentMessagePage = RouteResult<Routes['agent']['agentMessages']>;
/** A film of the browser that is being made, or is not an artifact yet. */
export type Recording = RouteResult<Routes['browserKeeping']['listRecordings']>['data'][number];
/** How a film of the browser is made. */
export type RecordingOptions = {
  /** Most frames per second, 1 to 30. Default 10. */
  frameRate?: number;
  /** Most kilobits per second, 100 to 10,000. Default 1500. */
  bitrateKbps?: number;
};
/** A film that became an artifact. */
export type KeptRecording = RouteResult<Routes['browserKeeping']['stopRecording']>;
/** A browser profile that outlives sandboxes. */
export type BrowserProfile = RouteResult<Routes['browserKeeping']['saveProfile']>;
/** What the agent is doing. */
export type AgentState = RouteResult<Routes['agent']['agentState']>;
/** State of the agent with the newest files and the last task report. */
export type RuntimeState = RouteResult<Routes['agent']['runtimeState']>;
/** Answer to a prompt that was waited for. */
export type PromptReply = RouteResult<Routes['agent']['prompt']>;
/** Receipt of a task. */
export type PromptAsyncReply = RouteResult<Routes['agent']['promptAsync']>;
/** Which artifacts to list. */
export interface ArtifactListOptions extends CallOptions {
  /** Only keys that begin with it. */
  prefix?: string;
  /** Only of this kind. */
  kind?: ArtifactKind;
  /** Default 100, at most 500. */
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

/** How to keep a file or folder. */
export interface PublishOptions extends CallOptions {
  /** File name of the artifact. Default: that of the file, or of the folder with the ending of the format. */
  name?: string;
  /** How a folder is packaged. Default `zip`; not for files. */
  format?: ArchiveFormat;
}

/** A page of artifacts; `nextCursor` leads to the next one, null at the end. */
export type ArtifactPage = RouteResult<Routes['artifacts']['listArtifacts']>;
/** A page of checkpoints, newest first; `nextCursor` leads to the next one, null at the end. */
export interface CheckpointPage {
  data: Checkpoint[];
  nextCursor: string | null;
}
/** What a forked sandbox is made with; the rest it has from the sandbox it comes from. */
export interface ForkOptions extends CallOptions, Omit<ForkSandbox, 'id'> {
  /** Longest wait until the sandbox is usable, ms. Default 120,000. */
  timeout?: number;
}
/** A page of API keys; `nextCursor` leads to the next one, null at the end. */
export type ApiKeyPage = RouteResult<Routes['access']['listApiKeys']>;
/** A page of audit entries, newest first; `nextCursor` leads to the next one, null at the end. */
export type AuditPage = RouteResult<Routes['access']['listAudit']>;
/** A page of organizations, oldest first; `nextCursor` leads to the next one, null at the end. */
export type OrganizationPage = RouteResult<Routes['access']['listOrganizations']>;
/** The plan an organization has now. */
export type OrganizationPlan = RouteResult<Routes['usage']['setPlan']>;
/** A page of connections, newest first. */
export type ConnectionPage = RouteResult<Routes['network']['networkLog']>;
/** A signed URL and the moment it expires, epoch ms. */
export type DownloadLink = RouteResult<Routes['artifacts']['artifactDownloadLink']>;

/** The body of a webhook's request; `type` tells the shape of `data`. */
export type WebhookEvent =
  | {
      [T in EventType]: Omit<WebhookPayload, 'type' | 'data' | 'sandboxId'> & {
        type: T;
        sandboxId: string;
        data: EventData<T>;
      };
    }[EventType]
  | (Omit<WebhookPayload, 'type' | 'data' | 'sandboxId'> & {
      type: 'webhook.test';
      sandboxId: null;
      data: { webhookId: string };
    });

/** An event of a sandbox; `type` tells the shape of `data`. */
export type BanataEvent = {
  [T in EventType]: Omit<SandboxEvent, 'type' | 'data'> & { type: T; data: EventData<T> };
}[EventType];

/** An event of an organization: `cursor` is its place in the order of all of them. */
export type OrganizationBanataEvent = BanataEvent & { cursor: string };

/** A page of events. */
export interface OrganizationEventPage {
  data: OrganizationBanataEvent[];
  /** Give it as `after` to go on; null when there was nothing at all. */
  nextCursor: string | null;
}
