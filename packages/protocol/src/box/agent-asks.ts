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
