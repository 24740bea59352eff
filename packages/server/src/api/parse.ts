import { ApiError } from '@banata/protocol';
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/**
 * Parses input of a caller.
 * @throws {ApiError} INVALID_REQUEST naming the field, its value and what is allowed.
 */
export function parseInput<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const parsed = schema.safeParse(input, { reportInput: true });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (!issue) throw new ApiError('INVALID_REQUEST');
  throw new ApiError('INVALID_REQUEST', describe(issue), { details: { field: fieldOf(issue) } });
}

function fieldOf(issue: Issue): string {
  return [...issue.path, ...(issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])].join('.');
}

function describe(issue: Issue): string {
  const field = fieldOf(issue) || 'body';
  const isMissing = issue.input === undefined;
  if (isMissing && issue.code === 'invalid_type') return `Missing required field: ${field}`;
  if (issue.code === 'unrecognized_keys') return `Unknown field: ${field}`;
  if (issue.code === 'invalid_value') {
    const allowed = `Must be one of: ${issue.values.join(', ')}`;
    return isMissing
      ? `Missing required field: ${field}. ${allowed}`
      : `Invalid ${field}: ${show(issue.input)}. ${allowed}`;
  }
  if (issue.code === 'invalid_key') return `Invalid ${field}: ${issue.issues[0]?.message ?? issue.message}`;
  // A rule about several fields reports the whole object, which says nothing.
  if (issue.code === 'custom' && typeof issue.input === 'object')
    return `Invalid ${field}: ${capitalized(issue.message)}`;
  return `Invalid ${field}: ${show(issue.input)}. ${capitalized(issue.message)}`;
}

function capitalized(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

function show(value: unknown): string {
  // Numbers of a query arrive as text; JSON has no NaN.
  if (Number.isNaN(value)) return 'not a number';
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? 'nothing');
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
