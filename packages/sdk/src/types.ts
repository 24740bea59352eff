import type {
  contract,
  CreateSandbox,
  EventData,
  EventType,
  RouteResult,
  SandboxEvent,
  SandboxSession,
} from '@banata/protocol';
import type {
  AgentMessage,
  BoxContext,
  BoxContextResult,
  BoxExecResult,
  BoxProcess,
  BoxProcessOutput,
  BoxTerminal,
  CodeLanguage,
  ContextLanguage,
  FileEntry,
  ProcessChunk,
  PROCESS_SIGNALS,
  TaskReport,
} from '@banata/protocol/box';

export type {
  AgentTask,
  Artifact,
  CapabilitiesInput,
  EventData,
  EventType,
  SandboxSession,
  SandboxStatus,
  TaskStatus,
} from '@banata/protocol';
export type { AgentMessage, CodeLanguage, FileEntry, TaskReport };

type Routes = typeof contract;

/** What every method takes: aborting rejects it with the reason of the signal. */
export interface CallOptions {
  signal?: AbortSignal;
}

/** Any JSON value. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** What a sandbox is made with; all of it is optional. */
export type CreateOptions = CreateSandbox;

/** Outcome of a command or a snippet of code. A command that fails is an outcome, not an error. */
export type ExecResult = BoxExecResult;

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
/** State of the browser with signed URLs. */
export type Preview = RouteResult<Routes['browser']['getPreview']>;
/** State of the browser after a command to it. */
export type PreviewCommandResponse = RouteResult<Routes['browser']['navigatePreview']>;
/** What the agent is doing. */
export type AgentState = RouteResult<Routes['agent']['agentState']>;
/** State of the agent with the newest files and the last task report. */
export type RuntimeState = RouteResult<Routes['agent']['runtimeState']>;
/** Answer to a prompt that was waited for. */
export type PromptReply = RouteResult<Routes['agent']['prompt']>;
/** Receipt of a task. */
export type PromptAsyncReply = RouteResult<Routes['agent']['promptAsync']>;
/** A page of artifacts. */
export type ArtifactPage = RouteResult<Routes['artifacts']['listArtifacts']>;
/** A signed URL and the moment it expires, epoch ms. */
export type DownloadLink = RouteResult<Routes['artifacts']['artifactDownloadLink']>;

/** An event of a sandbox; `type` tells the shape of `data`. */
export type BanataEvent = {
  [T in EventType]: Omit<SandboxEvent, 'type' | 'data'> & { type: T; data: EventData<T> };
}[EventType];
