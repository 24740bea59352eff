import type { z } from 'zod';

/** One kind of event as data. */
export interface EventDefinition<T extends z.ZodType = z.ZodType> {
  /** Shape of `data`. */
  schema: T;
  /** When it is sent, in one sentence. */
  gloss: string;
  example: z.input<T>;
  /** `high`: many a second while an agent works. A webhook gets these only when it names them. Default `normal`. */
  rate?: 'high';
  /** The name may be used in filters, but nothing in this version sends it. */
  reserved?: true;
}

/** Checks an example against its schema at compile time and keeps the literal types. */
export function defineEvent<T extends z.ZodType>(definition: EventDefinition<T>): EventDefinition<T> {
  return definition;
}
