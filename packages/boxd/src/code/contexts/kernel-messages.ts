import { z } from 'zod';

const id = z.string();

/** What a kernel says, a line of JSON each. Comes from inside the box, so nothing is taken for granted. */
export const kernelMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('stream'), id, name: z.enum(['stdout', 'stderr']), text: z.string() }),
  z.object({ type: z.literal('result'), id, main: z.boolean(), data: z.record(z.string(), z.unknown()) }),
  z.object({
    type: z.literal('error'),
    id,
    name: z.string(),
    value: z.string(),
    traceback: z.array(z.string()),
  }),
  z.object({ type: z.literal('done'), id, truncated: z.boolean().optional() }),
  z.object({ type: z.literal('died') }),
]);
export type KernelMessage = z.infer<typeof kernelMessageSchema>;

/** Longest line taken; a longer one ends the kernel. */
const MAX_LINE = 24 * 1024 * 1024;

/** Splits text into lines, however it is cut. */
export class LineSplitter {
  #parts: string[] = [];
  #length = 0;

  /** Throws a RangeError when a line has no end. */
  push(text: string): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      lines.push(this.#parts.join('') + text.slice(start, end));
      this.#parts = [];
      this.#length = 0;
      start = end + 1;
    }
    this.#parts.push(text.slice(start));
    this.#length += text.length - start;
    if (this.#length > MAX_LINE) throw new RangeError('a line of the kernel is too long');
    return lines;
  }
}
