import { ApiError } from '@banata/protocol';
import type { z } from 'zod';

/**
 * Parses input of a caller.
 * @throws {ApiError} INVALID_REQUEST naming the field, its value and what is allowed.
 */
export function parseInput<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const parsed = schema.safeParse(input, { reportInput: true });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (!issue) throw new ApiError('INVALID_REQUEST');
  throw new ApiError('INVALID_REQUEST', describe(issue), { details: { field: issue.path.join('.') } });
}

function describe(issue: z.core.$ZodIssue): string {
  const field = issue.path.join('.') || 'body';
  if (issue.input === undefined && issue.code === 'invalid_type') return `Missing required field: ${field}`;
  if (issue.code === 'unrecognized_keys') return `Unknown field: ${[...issue.path, issue.keys[0]].join('.')}`;
  const value = show(issue.input);
  if (issue.code === 'invalid_value')
    return `Invalid ${field}: ${value}. Must be one of: ${issue.values.join(', ')}`;
  return `Invalid ${field}: ${value}. ${issue.message}`;
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? 'nothing');
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
