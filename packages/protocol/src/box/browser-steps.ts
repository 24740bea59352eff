import { z } from 'zod';

/** A skill keeps no more steps than this; a longer task is cut after them. */
export const MAX_STEPS = 200;
const MAX_VALUE = 16 * 1024;

/** How an element of a page is found again. */
export const stepElementSchema = z.object({
  /** ARIA role, such as `button`. */
  role: z.string().max(100),
  /** Accessible name: label, text, or what stands for it. */
  name: z.string().max(300),
  /** CSS selector; the second way to find it, when no element has role and name any more. */
  selector: z.string().max(1000).nullable(),
});
export type StepElement = z.infer<typeof stepElementSchema>;

export const browserStepSchema = z.object({
  action: z.enum(['navigate', 'back', 'click', 'fill', 'select', 'press', 'hover', 'wait', 'other']),
  /** Null where the step has no element, or one that cannot be found again (in a frame, say). */
  element: stepElementSchema.nullable(),
  /**
   * Address, text, key, or text to wait for; for `select` the options, one a line. `{{name}}` stands for an input. Null
   * where there is none.
   */
  value: z.string().max(MAX_VALUE).nullable(),
  /** `fill`: Enter is pressed after it. `wait`: the text has to go, not to come. */
  flag: z.boolean().default(false),
  /** State of a checkbox or radio button after a click; null for everything else. */
  checked: z.boolean().nullable().default(null),
  /** Address of the page before and after the step; null when it was not seen. */
  urlBefore: z.string().max(4096).nullable(),
  urlAfter: z.string().max(4096).nullable(),
  /** The step in words. */
  description: z.string().max(2000),
});
/** One action in the browser, as it was seen to happen. A value that is a secret is the input `{{password}}`, say. */
export type BrowserStep = z.infer<typeof browserStepSchema>;

/** Steps for the box to do again before, and mostly instead of, the model. Values are filled in. */
export const boxReplaySchema = z.object({
  name: z.string(),
  recipe: z.string(),
  /** Values of secret inputs by name: what the box answers holds the names instead. */
  secrets: z.record(z.string(), z.string()).default({}),
  steps: z.array(browserStepSchema).max(MAX_STEPS),
  /** Tokens that the recorded task used. */
  recordedTokens: z.number(),
});
export type BoxReplay = z.infer<typeof boxReplaySchema>;

export const replayStepSchema = z.object({
  /** From 1. */
  step: z.number().int(),
  description: z.string(),
  /** `skipped`: the page was in the state already. */
  doneBy: z.enum(['replay', 'model', 'skipped', 'nobody']),
  /** How the element was found. */
  foundBy: z.enum(['role-and-name', 'selector']).nullable(),
  /** Why the step did not fit, when it did not. */
  reason: z.string().nullable(),
  durationMs: z.number(),
  modelCalls: z.number(),
  tokens: z.number(),
});
export type ReplayStep = z.infer<typeof replayStepSchema>;

export const replayResultSchema = z.object({
  steps: z.array(replayStepSchema),
  /** Steps that needed the model. */
  modelSteps: z.number(),
  /** Tokens of the recorded task less those of this one; below 0 when this one used more. */
  tokensSaved: z.number(),
  /** The page after the last step; null when there was none. */
  page: z.object({ url: z.string(), title: z.string(), text: z.string() }).nullable(),
});
export type ReplayResult = z.infer<typeof replayResultSchema>;
