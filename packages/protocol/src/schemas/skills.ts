import { z } from 'zod';
import { browserStepSchema, MAX_STEPS } from '../box/browser-steps.ts';
import { idSchema } from '../ids.ts';
import {
  DEFAULT_TASK_TIMEOUT_MS,
  MAX_TASK_TIMEOUT_MS,
  promptBudgetSchema,
  promptMetadataSchema,
} from './agent.ts';
import { pageOf } from './page.ts';

const MAX_RECIPE = 256 * 1024;
const MAX_INPUTS = 50;

export const inputNameSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{0,47}$/,
    'names of inputs are lower-case letters, digits and "_", and begin with a letter',
  );

export const inputValuesSchema = z
  .record(inputNameSchema, z.string().max(16 * 1024))
  .refine((inputs) => Object.keys(inputs).length <= MAX_INPUTS, `at most ${MAX_INPUTS} inputs`);

export const skillInputSchema = z.object({
  name: z.string(),
  secret: z.boolean().describe('Was entered into a field for secrets; its value was not kept.'),
  default: z
    .string()
    .nullable()
    .describe('What was entered when the skill was recorded; null: a run has to give it.'),
});
export type SkillInput = z.infer<typeof skillInputSchema>;

export const skillSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    description: z.string(),
    site: z.string().nullable().describe('Origin of the first page.'),
    recipe: z.string().describe('The steps in words, for a model. `{{name}}` stands for an input.'),
    steps: z
      .array(browserStepSchema)
      .max(MAX_STEPS)
      .describe('Recorded steps; none: the model follows the recipe.'),
    inputs: z.array(skillInputSchema),
    source: z
      .object({ sandboxId: idSchema, taskId: idSchema, tokens: z.number() })
      .nullable()
      .describe('The task it was recorded from, and the tokens that one used.'),
    createdAt: z.number(),
  })
  .meta({ id: 'Skill' });
export type Skill = z.infer<typeof skillSchema>;

export const skillListSchema = pageOf(skillSchema);

export const createSkillSchema = z.strictObject({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/,
      'a name has 1 to 100 letters, digits, spaces, ".", "_" and "-"',
    ),
  description: z.string().max(2000).optional().describe('Default: the result of the task.'),
  site: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional()
    .describe('Default: origin of the first recorded page.'),
  sandboxId: idSchema
    .optional()
    .describe('With `taskId`: the task to make the skill from, which has a report.'),
  taskId: idSchema.optional(),
  recipe: z
    .string()
    .min(1)
    .max(MAX_RECIPE)
    .optional()
    .describe('Without a task, or in place of its report’s text.'),
  inputs: inputValuesSchema
    .optional()
    .describe('What differs from run to run: name of the input → the value it had in the recorded task.'),
});

export const runSkillSchema = z.strictObject({
  id: idSchema,
  skillId: idSchema,
  inputs: inputValuesSchema.optional().describe('Values of the skill’s inputs; others keep their defaults.'),
  model: z
    .string()
    .max(256)
    .optional()
    .describe('Asked where a step does not fit. Default: the small model.'),
  metadata: promptMetadataSchema,
  budget: promptBudgetSchema,
  timeoutMs: z.number().int().positive().max(MAX_TASK_TIMEOUT_MS).default(DEFAULT_TASK_TIMEOUT_MS),
});
