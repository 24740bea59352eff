import { z } from 'zod';

/** What the agent wants to do and waits for. */
export const agentPermissionSchema = z.object({
  permissionId: z.string(),
  sessionId: z.string(),
  /** Kind of action, such as `bash`, `edit` or `webfetch`. */
  tool: z.string(),
  /** What exactly: a command, a path. */
  title: z.string(),
  patterns: z.array(z.string()),
});
export type AgentPermission = z.infer<typeof agentPermissionSchema>;

/** A question the agent asks a person, and waits. */
export const agentQuestionSchema = z.object({
  questionId: z.string(),
  sessionId: z.string(),
  questions: z.array(
    z.object({
      question: z.string(),
      header: z.string(),
      options: z.array(z.object({ label: z.string(), description: z.string() })),
      /** Several options may be chosen. */
      multiple: z.boolean(),
    }),
  ),
});
export type AgentQuestion = z.infer<typeof agentQuestionSchema>;

/** Reply of `GET /agent/asks`: what the agent waits for now. */
export const boxAsksSchema = z.object({
  permissions: z.array(agentPermissionSchema),
  questions: z.array(agentQuestionSchema),
});
export type BoxAsks = z.infer<typeof boxAsksSchema>;

export const permissionAnswerSchema = z.enum(['once', 'always', 'reject']);

/** Body of `POST /agent/asks/permissions/{id}`. */
export const boxPermissionReplySchema = z.object({
  answer: permissionAnswerSchema,
  /** Told to the model with a refusal. */
  message: z.string().max(10_000).optional(),
});

/** Body of `POST /agent/asks/questions/{id}`: the labels chosen for each question, or null to refuse to answer. */
export const boxQuestionReplySchema = z.object({
  answers: z
    .array(z.array(z.string().max(10_000)).max(50))
    .max(50)
    .nullable(),
});

const actionSchema = z.enum(['allow', 'ask', 'deny']);

/**
 * What the agent may do without asking: `allow` (all), `ask` (nothing), or rules by tool (`bash`, `edit`, `webfetch`,
 * `question`, …; `*` for all others), each an action or actions by pattern, of which the last that fits counts.
 */
export const agentPermissionsSchema = z.union([
  z.enum(['allow', 'ask']),
  z.record(
    z.string().regex(/^[\w*-]{1,100}$/, 'the name of a tool, or *'),
    z.union([actionSchema, z.record(z.string().max(500), actionSchema)]),
  ),
]);
export type AgentPermissions = z.infer<typeof agentPermissionsSchema>;

/**
 * Further tool servers (Model Context Protocol), by name: programs that run in the sandbox, or servers it reaches.
 * Values may hold `{env:NAME}`, which stands for a variable of the sandbox: keys belong there, not here.
 */
export const agentMcpSchema = z
  .record(
    z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,40}$/, 'a name of lower-case letters, digits, "_" and "-"')
      .refine((name) => name !== 'playwright', '"playwright" is the name of the browser tools'),
    z.union([
      z.strictObject({
        command: z.array(z.string().min(1).max(4096)).min(1).max(50),
        environment: z.record(z.string().max(200), z.string().max(4096)).optional(),
      }),
      z.strictObject({
        url: z.url({ protocol: /^https?$/ }).max(2048),
        headers: z.record(z.string().max(200), z.string().max(4096)).optional(),
      }),
    ]),
  )
  .refine((servers) => Object.keys(servers).length <= 10, 'at most 10 servers');
export type AgentMcp = z.infer<typeof agentMcpSchema>;
