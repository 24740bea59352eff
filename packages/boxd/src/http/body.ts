import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { BoxError } from './route.ts';

/** Largest JSON body the daemon takes, in bytes. */
const MAX_JSON_BYTES = 32 * 1024 * 1024;

/**
 * Reads a JSON body and parses it with the schema.
 * Throws a {@link BoxError}: 413 `BODY_TOO_LARGE`, 400 `INVALID_JSON` or 400 `INVALID_FIELD` naming the field.
 */
export async function readJson<T extends z.ZodType>(
  request: IncomingMessage,
  schema: T,
  maxBytes = MAX_JSON_BYTES,
): Promise<z.output<T>> {
  const text = await readText(request, maxBytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BoxError(400, 'INVALID_JSON', 'The body must be JSON', { cause: error });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new BoxError(400, 'INVALID_FIELD', describe(result.error));
}

async function readText(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed when the loop is left, as the reply goes over the same socket.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new BoxError(413, 'BODY_TOO_LARGE', `The body may have at most ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function describe(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue) return 'The body does not have the expected shape';
  const field = issue.path.map(String).join('.') || 'body';
  return `${field}: ${issue.message}`;
}
