import { z } from 'zod';

/** A pixel of the desktop, counted from its top left corner. */
const pointSchema = z.object({
  x: z.number().int().min(0).max(8191),
  y: z.number().int().min(0).max(8191),
});

export const mouseButtonSchema = z.enum(['left', 'middle', 'right']);
export type MouseButton = z.infer<typeof mouseButtonSchema>;

/** Keys pressed together, such as `ctrl+shift+t`, `Enter` or `a`. */
export const keyChordSchema = z.string().min(1).max(100);

const step = z.number().int().min(-100).max(100);

export const computerActions = {
  move: pointSchema,
  click: z.object({
    ...pointSchema.partial().shape,
    button: mouseButtonSchema.default('left'),
    /** 2 is a double click. */
    clicks: z.number().int().min(1).max(3).default(1),
    /** Held meanwhile, such as `ctrl`. */
    keys: keyChordSchema.optional(),
  }),
  drag: z.object({
    /** Where the button is pressed, where it passes, where it is released. */
    points: z.array(pointSchema).min(2).max(200),
    button: mouseButtonSchema.default('left'),
  }),
  scroll: z.object({
    ...pointSchema.partial().shape,
    /** Notches of the wheel; right and down are positive. */
    dx: step.default(0),
    dy: step.default(0),
  }),
  type: z.object({
    text: z.string().max(10_000),
    /** Pause between characters. */
    delayMs: z.number().int().min(0).max(1000).default(0),
  }),
  key: z.object({ keys: keyChordSchema }),
};

/** Body of `POST /browser/computer`: one act of keyboard and mouse on the desktop. */
export const boxComputerSchema = z.discriminatedUnion('action', [
  z.object({ action: z.literal('move'), ...computerActions.move.shape }),
  z.object({ action: z.literal('click'), ...computerActions.click.shape }),
  z.object({ action: z.literal('drag'), ...computerActions.drag.shape }),
  z.object({ action: z.literal('scroll'), ...computerActions.scroll.shape }),
  z.object({ action: z.literal('type'), ...computerActions.type.shape }),
  z.object({ action: z.literal('key'), ...computerActions.key.shape }),
]);
export type BoxComputerAction = z.infer<typeof boxComputerSchema>;

/** Where the mouse is. Reply of `GET /browser/computer/cursor` and of every act. */
export const boxCursorSchema = z.object(pointSchema.shape);
export type BoxCursor = z.infer<typeof boxCursorSchema>;
