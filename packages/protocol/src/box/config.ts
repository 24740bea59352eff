import { z } from 'zod';
import { agentMcpSchema, agentPermissionsSchema } from './agent-setup.ts';
import { handoffDetectorSchema } from '../schemas/handoff-detector.ts';
import { boxLimitsSchema } from './limits.ts';
import { boxRecordingOptionsSchema } from './recording.ts';

/** Version of the contract between the server and the daemon in the box. A server meets boxes of older versions. */
export const BOX_PROTOCOL_VERSION = 1;

/** What `/run/banata/boxd.json` holds: all the daemon knows before it is configured. */
export const boxBootSchema = z.object({
  /** Bearer token the server presents. */
  token: z.string().min(32),
  /** TCP port the daemon listens on, all addresses. */
  port: z.number().int().positive(),
  protocolVersion: z.number().int(),
  /** What the daemon starts before it is configured; `agent` has a browser too. Default: nothing. */
  prepare: z.enum(['browser', 'agent']).optional(),
});
export type BoxBoot = z.infer<typeof boxBootSchema>;

export const runtimeSchema = z.enum(['base', 'bun', 'python']);
export type Runtime = z.infer<typeof runtimeSchema>;

export const viewportSchema = z.object({
  width: z.number().int().min(320).max(3840),
  height: z.number().int().min(240).max(2160),
});
export type Viewport = z.infer<typeof viewportSchema>;

/** How the agent reaches its model: always the server's model gateway, never a provider itself. */
export const boxModelSchema = z.object({
  /** Wire format, which decides the provider package OpenCode loads. */
  provider: z.enum(['openrouter', 'openai', 'anthropic']),
  /** Base URL at the boxes' listener, as the provider's own SDK expects it. */
  baseUrl: z.string(),
  /** Per-sandbox token of the gateway; stands where a provider key would. */
  apiKey: z.string(),
  model: z.string(),
  /** Model for titles and other small jobs. */
  smallModel: z.string(),
  /** Further models that a prompt may choose. Absent in the configuration of an older server. */
  models: z.array(z.string()).default([]),
});
export type BoxModel = z.infer<typeof boxModelSchema>;

/** Body of `PUT /config`. Sent once after assignment; sending the same again changes nothing. */
export const boxConfigSchema = z.object({
  sandboxId: z.string(),
  runtime: runtimeSchema,
  /** Environment of every command, terminal and agent in the box. */
  env: z.record(z.string(), z.string()),
  browser: z
    .object({
      viewport: viewportSchema,
      persistentProfile: z.boolean(),
      /** Most pages at once. Absent: as many as fit. */
      maxPages: z.number().int().positive().optional(),
      /** A recording that begins with the browser. */
      recording: boxRecordingOptionsSchema.optional(),
      /** What to ask for a person for by itself. Absent: nothing. */
      detectors: z.array(handoffDetectorSchema).optional(),
      /** Whether what pages ask the network for is noted for a HAR file. */
      har: z.boolean().optional(),
    })
    .nullable(),
  /** CDP address of a browser in another box, which the agent drives in place of one here. */
  pairedBrowser: z.object({ cdpUrl: z.string() }).optional(),
  /** Proxy of the sandbox's creator, with its credentials, for browser and commands. */
  proxy: z.object({ url: z.string() }).optional(),
  agent: z
    .object({
      defaultAgent: z.enum(['build', 'plan']),
      /** Absent in the configuration of an older server. */
      permissions: agentPermissionsSchema.default('allow'),
      mcp: agentMcpSchema.default({}),
      /** Text every session of the agent starts with, beside our own. */
      instructions: z.string().nullable().default(null),
      /** Null: no model is configured; prompts are refused by the server before they reach the box. */
      model: boxModelSchema.nullable(),
    })
    .nullable(),
  /** Whether documents are converted. Absent in the configuration of an older server. */
  documents: z.boolean().optional(),
  /** For the box to show; what enforces them, but for that of output, is outside. Absent in the configuration of an older server. */
  limits: boxLimitsSchema.optional(),
});
export type BoxConfig = z.infer<typeof boxConfigSchema>;

/** What the owner of a sandbox decides about its agent. */
export type AgentSetup = Omit<NonNullable<BoxConfig['agent']>, 'model'>;

export const boxHealthSchema = z.object({
  ok: z.literal(true),
  protocolVersion: z.number().int(),
  /** Sandbox this box was configured for; null while it is warm. */
  sandboxId: z.string().nullable(),
  /** Milliseconds since the daemon started. */
  uptimeMs: z.number(),
});
export type BoxHealth = z.infer<typeof boxHealthSchema>;

/** Shape of every error reply of the daemon. */
export const boxErrorSchema = z.object({ error: z.string(), code: z.string() });
export type BoxErrorBody = z.infer<typeof boxErrorSchema>;
