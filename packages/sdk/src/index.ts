export { type PromptOptions, SandboxAgent, type TaskPage } from './agent.ts';
export { SandboxArtifacts } from './artifacts.ts';
export { SandboxBrowser } from './browser.ts';
export { SandboxComputer } from './computer.ts';
export { type HandoffRequest, SandboxHandoff, type WaitForHandoffOptions } from './handoff.ts';
export { ApiKeys, type CreateApiKeyOptions, type RotateApiKeyOptions } from './api-keys.ts';
export { BrowserCloud, type LaunchBrowserOptions } from './browser-cloud.ts';
export { type CheckpointOptions, SandboxCheckpoints } from './checkpoints.ts';
export { AuditLog, type ListAuditOptions } from './audit-log.ts';
export { BanataSandbox, type LaunchOptions, type ListOptions } from './client.ts';
export type { BanataSandboxOptions } from './client-options.ts';
export { type FollowEventsOptions, type ListEventsOptions, OrganizationEvents } from './events.ts';
export { LaunchedBrowserSession } from './launched-browser.ts';
export { type CreateOrganizationOptions, Organizations } from './organizations.ts';
export { type CreateUserOptions, Users } from './users.ts';
export { SandboxContexts } from './contexts.ts';
export {
  type OutputOffsets,
  type OutputPiece,
  SandboxProcesses,
  type StartProcessOptions,
} from './process.ts';
export { Terminal, type TerminalEnd, type TerminalOptions } from './terminal.ts';
export type { ExecOptions, RunCodeOptions } from './commands.ts';
export { BanataError, type BanataErrorCode, type ClientErrorCode } from './error.ts';
export {
  type ArchiveFormat,
  type GlobOptions,
  type GrepOptions,
  SandboxFiles,
  type SignOptions,
  type TransferOptions,
  type WriteContent,
} from './files.ts';
export type { FileWatchEvent, WatchOptions } from './watch-files.ts';
export { type ConvertOptions, SandboxDocuments } from './documents.ts';
export { ModelKeys, type SetModelKeyOptions } from './model-keys.ts';
export { SandboxNetwork } from './network.ts';
export { BrowserProfiles, SandboxProfile } from './profiles.ts';
export { SandboxRecording } from './recording.ts';
export { SandboxPorts } from './ports.ts';
export type { RetryConfig } from './retry.ts';
export { Sandbox } from './sandbox.ts';
export { type CreateSkillOptions, type RunSkillOptions, type SkillPage, Skills } from './skills.ts';
export type * from './types.ts';
export { buildPreviewViewerUrl } from './viewer-url.ts';
export { verifyWebhook, type VerifyWebhookOptions } from './verify-webhook.ts';
export type { WaitForTaskOptions } from './wait-for-task.ts';
export {
  type CreateWebhookOptions,
  type DeliveryPage,
  type UpdateWebhookOptions,
  type WebhookPage,
  Webhooks,
  type WebhookWithSecret,
} from './webhooks.ts';
