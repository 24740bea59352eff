import { z } from 'zod';
import { handoffDetectorSchema } from './handoff-detector.ts';

/** Most fields of one request. */
export const MAX_HANDOFF_FIELDS = 8;
/** Most characters of one value. */
export const MAX_HANDOFF_VALUE = 4096;
/** How long the box keeps values after they were given, ms: an hour. */
export const HANDOFF_VALUES_KEPT_MS = 60 * 60 * 1000;

const fieldNameSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{0,39}$/,
    'a lower-case letter, then lower-case letters, digits and "_"; 40 at most',
  );

/** One value that a person is asked for. */
export const handoffFieldSchema = z.strictObject({
  name: fieldNameSchema.describe('Names the value, as in the placeholder {{secret:NAME}}.'),
  label: z.string().trim().min(1).max(200).describe('What the person reads beside the field.'),
  kind: z
    .enum(['password', 'otp', 'text'])
    .describe('How it is entered: hidden, as a one-time code, or as plain text. All three are secret.'),
  selector: z
    .string()
    .trim()
    .min(1)
    .max(500)
    .optional()
    .describe(
      'CSS selector of the field in the page, for deliver "type". Default: the one password or one-time-code field that shows; text goes where the focus is.',
    ),
});
export type HandoffField = z.infer<typeof handoffFieldSchema>;

export const handoffFieldsSchema = z
  .array(handoffFieldSchema)
  .min(1)
  .max(MAX_HANDOFF_FIELDS)
  .refine(
    (fields) => new Set(fields.map(({ name }) => name)).size === fields.length,
    'each field has a name of its own',
  )
  .describe('A form for the person. What they enter is never stored, shown or told to the agent.');

export const handoffDeliverSchema = z
  .enum(['type', 'placeholder'])
  .describe(
    'What becomes of the values: "type" has them typed into the page in front; "placeholder" lets the agent type {{secret:NAME}} in their place. Default: "placeholder" when the agent asks by its command, else "type".',
  );
export type HandoffDeliver = z.infer<typeof handoffDeliverSchema>;

export const handoffDetectedSchema = z.object({
  detector: handoffDetectorSchema,
  evidence: z.string().max(300).describe('What was seen, such as `password field "Password"`.'),
  url: z.string().max(2048).describe('Where, without query and fragment.'),
});
export type HandoffDetected = z.infer<typeof handoffDetectedSchema>;
