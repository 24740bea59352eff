import { z } from 'zod';

const worldSchema = z.object({ executionContextId: z.number() });
const evaluatedSchema = z.object({
  result: z.object({ value: z.unknown() }).loose(),
  exceptionDetails: z.object({ text: z.string() }).loose().optional(),
});

export interface WorldScript {
  /** Of the main frame; it is the id of the page's target too. */
  frameId: string;
  worldName: string;
  expression: string;
  /** Longest the script may keep the page from going on, ms. Default: as long as it takes. */
  scriptMs?: number;
}

/**
 * Runs a script in an isolated world of a page: it shares the page's elements, and none of the page's code reaches into it.
 * @param call sends to the page's session.
 * @param schema of what it answers: a page can make its own elements lie.
 */
export async function runInWorld<T>(
  call: (method: string, params: Record<string, unknown>) => Promise<unknown>,
  schema: z.ZodType<T>,
  { frameId, worldName, expression, scriptMs }: WorldScript,
): Promise<T> {
  const { executionContextId } = worldSchema.parse(
    await call('Page.createIsolatedWorld', { frameId, worldName }),
  );
  const reply = await call('Runtime.evaluate', {
    expression,
    contextId: executionContextId,
    returnByValue: true,
    ...(scriptMs === undefined ? {} : { timeout: scriptMs }),
  });
  const { result, exceptionDetails } = evaluatedSchema.parse(reply);
  if (exceptionDetails) throw new Error(`the page could not be asked: ${exceptionDetails.text}`);
  return schema.parse(result.value);
}
