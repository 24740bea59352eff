import { z } from 'zod';
import {
  agentMcpSchema,
  agentPermissionsSchema,
  type AgentMcp,
  type AgentPermissions,
} from '../box/agent-setup.ts';
import { viewportSchema } from '../box/config.ts';
import { handoffDetectorSchema, type HandoffDetector } from './handoff-detector.ts';
import { profileKeySchema } from './profiles.ts';
import { recordingOptionsSchema } from './recording.ts';

const browserSchema = z.strictObject({
  mode: z
    .enum(['none', 'local-chromium', 'paired-banata-browser'])
    .optional()
    .describe('Default: "local-chromium" when `browser` is given, else "none".'),
  recording: z
    .union([z.boolean(), recordingOptionsSchema])
    .optional()
    .describe('Record the browser as MP4 from the start; with options or true. Default false.'),
  persistentProfile: z
    .boolean()
    .optional()
    .describe('Keep cookies and state across sessions. Default false.'),
  profileKey: profileKeySchema
    .optional()
    .describe('Which of the kept profiles of the organization. Default "default".'),
  streamPreview: z.boolean().optional().describe('Live view of the browser. Default true.'),
  humanInLoop: z.boolean().optional().describe('A person may take over the browser. Default false.'),
  viewport: viewportSchema.partial().optional().describe('Pixels. Default 1280 × 800.'),
  byoProxyUrl: z
    .string()
    .optional()
    .describe(
      'Proxy for browser and runtime, http://user:password@host:port; also https and socks5. Shown without its credentials.',
    ),
});

const agentSchema = z.strictObject({
  enabled: z.boolean().optional().describe('Default false.'),
  defaultAgent: z.enum(['build', 'plan']).optional().describe('Default "build".'),
  allowPromptApi: z.boolean().optional().describe('Whether prompts are taken through the API. Default true.'),
  models: z
    .array(z.string().regex(/^[\x21-\x7e]{1,256}$/, 'a model id without blanks'))
    .max(16)
    .optional()
    .describe('Models of the same provider that a prompt may choose beside the configured ones.'),
  permissions: agentPermissionsSchema
    .optional()
    .describe(
      'What the agent does without asking: "allow" (default: all), "ask", or rules by tool. What it asks for waits in GET /v1/sandboxes/agent/permissions.',
    ),
  mcp: agentMcpSchema
    .optional()
    .describe('Further tool servers (MCP): programs in the sandbox, or URLs it reaches.'),
  instructions: z
    .string()
    .max(64 * 1024)
    .optional()
    .describe('Text every session of the agent starts with, as AGENTS.md has it.'),
});

const handoffSchema = z.strictObject({
  detectors: z
    .array(handoffDetectorSchema)
    .max(3)
    .optional()
    .describe(
      'Ask for a person when a page in the browser shows one of these: a sign-in form, a field for a one-time code, a CAPTCHA. Needs browser.humanInLoop. Default: none.',
    ),
});

const documentsSchema = z.strictObject({ libreofficeHeadless: z.boolean().optional() });

const storageSchema = z.strictObject({
  workspace: z.enum(['ephemeral', 'checkpointed']).optional(),
  artifactPrefix: z
    .string()
    .max(200)
    .regex(
      /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*\/?$/,
      'segments of letters, digits, ".", "_", "-" divided by "/"',
    )
    .refine(
      (prefix) => !prefix.split('/').some((segment) => /^\.+$/.test(segment)),
      'segments of dots alone are not allowed',
    )
    .optional(),
});

/** Capabilities as asked, in the names of either API generation (`opencode` is the older name of `agent`). */
export const capabilitiesSchema = z.strictObject({
  browser: browserSchema.nullish(),
  agent: agentSchema.nullish(),
  opencode: agentSchema.nullish(),
  handoff: handoffSchema.nullish(),
  documents: documentsSchema.nullish(),
  storage: storageSchema.nullish(),
});
export type CapabilitiesInput = z.infer<typeof capabilitiesSchema>;

/** Capabilities with every default filled in, under one set of names. */
export interface Capabilities {
  browser: {
    mode: 'none' | 'local-chromium' | 'paired-banata-browser';
    recording: boolean;
    /** Of the recording that begins with the browser. */
    recordingOptions: { frameRate: number; bitrateKbps: number };
    persistentProfile: boolean;
    profileKey: string;
    streamPreview: boolean;
    humanInLoop: boolean;
    viewport: { width: number; height: number };
    byoProxyUrl: string | null;
  };
  agent: {
    enabled: boolean;
    defaultAgent: 'build' | 'plan';
    allowPromptApi: boolean;
    models: string[];
    permissions: AgentPermissions;
    mcp: AgentMcp;
    instructions: string | null;
  };
  handoff: { detectors: HandoffDetector[] };
  documents: { libreofficeHeadless: boolean };
  storage: { workspace: 'ephemeral' | 'checkpointed'; artifactPrefix: string | null };
}

const DEFAULT_VIEWPORT = { width: 1280, height: 800 };
const DEFAULT_PROFILE_KEY = 'default';
const DEFAULT_FRAME_RATE = 10;
const DEFAULT_BITRATE_KBPS = 1500;

/** How a film is made: 10 frames a second and 1500 kbit/s, where nothing else is asked for. */
export function withRecordingDefaults(
  asked: z.infer<typeof recordingOptionsSchema>,
): Capabilities['browser']['recordingOptions'] {
  return {
    frameRate: asked.frameRate ?? DEFAULT_FRAME_RATE,
    bitrateKbps: asked.bitrateKbps ?? DEFAULT_BITRATE_KBPS,
  };
}

function normalizeBrowser(browser: CapabilitiesInput['browser']): Capabilities['browser'] {
  const asked = browser ?? { mode: 'none' as const };
  return {
    mode: asked.mode ?? 'local-chromium',
    recording: asked.recording !== undefined && asked.recording !== false,
    recordingOptions: withRecordingDefaults(typeof asked.recording === 'object' ? asked.recording : {}),
    persistentProfile: asked.persistentProfile ?? false,
    profileKey: asked.profileKey ?? DEFAULT_PROFILE_KEY,
    streamPreview: asked.streamPreview ?? true,
    humanInLoop: asked.humanInLoop ?? false,
    viewport: {
      width: asked.viewport?.width ?? DEFAULT_VIEWPORT.width,
      height: asked.viewport?.height ?? DEFAULT_VIEWPORT.height,
    },
    byoProxyUrl: asked.byoProxyUrl ?? null,
  };
}

function normalizeAgent(asked: NonNullable<CapabilitiesInput['agent']>): Capabilities['agent'] {
  return {
    enabled: asked.enabled ?? false,
    defaultAgent: asked.defaultAgent ?? 'build',
    allowPromptApi: asked.allowPromptApi ?? true,
    models: asked.models ?? [],
    permissions: asked.permissions ?? 'allow',
    mcp: asked.mcp ?? {},
    instructions: asked.instructions ?? null,
  };
}

/** Fills in the defaults and folds `opencode` into `agent`; `agent` wins where both are given. */
export function normalizeCapabilities(input: CapabilitiesInput | null | undefined): Capabilities {
  const { browser, agent, opencode, handoff, documents, storage } = input ?? {};
  return {
    browser: normalizeBrowser(browser),
    agent: normalizeAgent({ ...opencode, ...agent }),
    handoff: { detectors: [...new Set(handoff?.detectors)] },
    documents: { libreofficeHeadless: documents?.libreofficeHeadless ?? false },
    storage: {
      workspace: storage?.workspace ?? 'ephemeral',
      artifactPrefix: storage?.artifactPrefix?.replace(/\/$/, '') ?? null,
    },
  };
}
