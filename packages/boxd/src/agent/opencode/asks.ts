import type { AgentPermission, AgentQuestion } from '@banata/protocol/box';
import { z } from 'zod';

const MAX_TEXT = 4_000;
const text = z.string().transform((value) => value.slice(0, MAX_TEXT));

/** `permission.asked` and the entries of `GET /permission` (OpenCode 1.18). */
export const openCodePermissionSchema = z
  .object({
    id: z.string(),
    sessionID: z.string(),
    permission: text,
    patterns: z.array(text).max(100).default([]),
    metadata: z.looseObject({ command: text.optional(), filepath: text.optional() }).default({}),
  })
  .transform(({ id, sessionID, permission, patterns, metadata }): AgentPermission => ({
    permissionId: id,
    sessionId: sessionID,
    tool: permission,
    title: metadata.command ?? metadata.filepath ?? (patterns.join(' ') || permission),
    patterns,
  }));

/** `question.asked` and the entries of `GET /question` (OpenCode 1.18). */
export const openCodeQuestionSchema = z
  .object({
    id: z.string(),
    sessionID: z.string(),
    questions: z
      .array(
        z.object({
          question: text,
          header: text.default(''),
          options: z
            .array(z.object({ label: text, description: text.default('') }))
            .max(50)
            .default([]),
          multiple: z.boolean().default(false),
        }),
      )
      .max(50),
  })
  .transform(({ id, sessionID, questions }): AgentQuestion => ({
    questionId: id,
    sessionId: sessionID,
    questions,
  }));
