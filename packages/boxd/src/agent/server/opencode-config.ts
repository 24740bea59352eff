import type { AgentMcp, AgentPermissions, AgentSetup, BoxModel } from '@banata/protocol/box';
import { modelTraits, providerFor } from './model-traits.ts';
import type { AgentPaths } from './paths.ts';
import type { AgentPrograms } from './programs.ts';

/** Name of the browser tools' server: its tools are called `playwright_browser_…`. */
export const BROWSER_MCP = 'playwright';

export interface OpenCodeConfigInput {
  model: BoxModel;
  setup: AgentSetup;
  /** Base URL of the browser for the agent's tools; null without a browser. */
  browserEndpoint: string | null;
  paths: AgentPaths;
  programs: AgentPrograms;
}

const MCP_START_TIMEOUT_MS = 30_000;

/** The sandbox is the boundary, so the agent asks nobody; what would wait for an answer or leave through a side door is off. */
const PERMISSIONS = {
  '*': 'allow',
  question: 'deny',
  doom_loop: 'deny',
  webfetch: 'deny',
  websearch: 'deny',
  [`${BROWSER_MCP}_browser_run_code_unsafe`]: 'deny',
};

/** `ask` lets the agent ask questions of its own as well: somebody is there to answer. */
function permissionsOf(permissions: AgentPermissions): object {
  if (permissions === 'allow') return PERMISSIONS;
  if (permissions === 'ask') return { ...PERMISSIONS, '*': 'ask', question: 'allow' };
  return { ...PERMISSIONS, ...permissions };
}

function modelEntry(id: string): object {
  const traits = modelTraits(id);
  return {
    name: id,
    tool_call: true,
    limit: { context: traits.contextTokens, output: traits.outputTokens },
    ...(traits.takesImages
      ? { attachment: true, modalities: { input: ['text', 'image'], output: ['text'] } }
      : {}),
  };
}

function browserServer(input: OpenCodeConfigInput, endpoint: string): object {
  const { programs, paths } = input;
  const tools = [programs.node, '--require', programs.browserToolsHook, programs.playwrightMcp];
  const command = [...tools, '--cdp-endpoint', endpoint];
  return {
    type: 'local',
    enabled: true,
    timeout: MCP_START_TIMEOUT_MS,
    command: [...command, '--output-dir', paths.browserOutput],
    environment: { BANATA_DOWNLOADS: paths.downloads },
  };
}

function mcpServer(server: AgentMcp[string]): object {
  const type = 'command' in server ? 'local' : 'remote';
  return { type, enabled: true, timeout: MCP_START_TIMEOUT_MS, ...server };
}

/** OpenCode's configuration (https://opencode.ai/config.json) for one sandbox. */
export function openCodeConfig(input: OpenCodeConfigInput): object {
  const { model, setup, paths, browserEndpoint } = input;
  const provider = providerFor(model);
  const models = Object.fromEntries(
    [model.model, model.smallModel, ...model.models].map((id) => [id, modelEntry(id)]),
  );
  return {
    $schema: 'https://opencode.ai/config.json',
    autoupdate: false,
    share: 'disabled',
    // Copies of a git workspace at every step; checkpoints of the sandbox hold more and cost less.
    snapshot: false,
    enabled_providers: [provider.id],
    model: `${provider.id}/${model.model}`,
    small_model: `${provider.id}/${model.smallModel}`,
    default_agent: setup.defaultAgent,
    provider: {
      [provider.id]: {
        npm: provider.npm,
        name: 'Model gateway',
        options: { baseURL: model.baseUrl, apiKey: model.apiKey },
        models,
      },
    },
    permission: permissionsOf(setup.permissions),
    // Rules given for all agents would otherwise outweigh what makes `plan` a planner.
    agent: { plan: { permission: { edit: 'deny' } } },
    instructions: [paths.instructionsFile],
    mcp: {
      ...Object.fromEntries(Object.entries(setup.mcp).map(([name, server]) => [name, mcpServer(server)])),
      ...(browserEndpoint === null ? {} : { [BROWSER_MCP]: browserServer(input, browserEndpoint) }),
    },
  };
}
