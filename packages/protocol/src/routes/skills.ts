import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import { promptAsyncReplySchema } from '../schemas/agent.ts';
import { createSkillSchema, runSkillSchema, skillListSchema, skillSchema } from '../schemas/skills.ts';
import { pageFields } from '../schemas/page.ts';

const tag = 'Skills';

export const createSkill = defineRoute({
  id: 'skills.create',
  method: 'POST',
  path: '/v1/skills',
  tag,
  summary: 'Save what a task did as a skill, or a recipe of your own',
  auth: 'sandbox_sessions:exec',
  audit: ['name', 'sandboxId', 'taskId'],
  body: createSkillSchema,
  reply: { kind: 'json', status: 201, schema: skillSchema },
  errors: ['SANDBOX_NOT_FOUND', 'TASK_NOT_FOUND', 'SKILL_EXISTS', 'SKILL_LIMIT_REACHED'],
});

export const getSkills = defineRoute({
  id: 'skills.get',
  method: 'GET',
  path: '/v1/skills',
  tag,
  summary: 'Get one skill (with `id`) or list skills, newest first (without)',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    id: idSchema.optional(),
    ...pageFields({ most: 200, usual: 50 }),
  }),
  reply: { kind: 'json', status: 200, schema: z.union([skillListSchema, skillSchema]) },
  errors: ['SKILL_NOT_FOUND'],
});

export const deleteSkill = defineRoute({
  id: 'skills.delete',
  method: 'DELETE',
  path: '/v1/skills',
  tag,
  summary: 'Delete a skill; tasks that run it go on',
  auth: 'sandbox_sessions:exec',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: z.object({ id: idSchema, deleted: z.literal(true) }) },
  errors: ['SKILL_NOT_FOUND'],
});

export const runSkill = defineRoute({
  id: 'sandboxes.agent.skills.run',
  method: 'POST',
  path: '/v1/sandboxes/agent/skills/run',
  aliases: ['/v1/sandboxes/opencode/skills/run'],
  tag,
  summary: 'Run a skill in a sandbox as a task; the model is asked only where its steps do not fit any more',
  auth: 'sandbox_sessions:exec',
  rateLimit: 'agent.prompt',
  idempotency: 'resumes',
  body: runSkillSchema,
  reply: { kind: 'json', status: 202, schema: promptAsyncReplySchema },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'AGENT_NOT_ENABLED',
    'SANDBOX_UNREACHABLE',
    'PROMPT_API_DISABLED',
    'MODEL_NOT_CONFIGURED',
    'BROWSER_NOT_ENABLED',
    'SKILL_NOT_FOUND',
  ],
});
