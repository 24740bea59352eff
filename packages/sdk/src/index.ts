export { type PromptOptions, SandboxAgent, type TaskPage } from './agent.ts';
export { SandboxArtifacts } from './artifacts.ts';
export { SandboxBrowser } from './browser.ts';
export { ApiKeys, type CreateApiKeyOptions, type RotateApiKeyOptions } from './api-keys.ts';
export { BanataSandbox, type BanataSandboxOptions, type LaunchOptions, type ListOptions } from './client.ts';
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
export { SandboxFiles } from './files.ts';
export { SandboxNetwork } from './network.ts';
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
