import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';

/** JSON as zod's `z.json()` has it. */
type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export type StructuredAnswer = { ok: true; value: Json } | { ok: false; problem: string };

const MAX_PROBLEMS = 5;

/** What the model is told beside the prompt, so that its last message is the answer and nothing else. */
export function answerInstructions(schema: object): string {
  return (
    'When the work is done, your last message must be one JSON value and nothing else: no explanation, no code fence. ' +
    `It must fit this JSON schema:\n${JSON.stringify(schema)}`
  );
}

/** What the model is told when its answer did not fit. */
export function sendBackText(problem: string): string {
  return `Your last message does not fit the JSON schema: ${problem}. Answer again with one JSON value that fits it, and nothing else.`;
}

/**
 * Reads the answer out of the last message. A code fence around it is taken off: models write one whatever they are
 * told. OpenCode's own structured output is not used, since it breaks the session's list of messages (1.18.33).
 * @throws {Error} when the schema itself is no JSON schema.
 */
export function readStructuredAnswer(text: string, schema: object): StructuredAnswer {
  const validate = compile(schema);
  const value = parseAnswer(text);
  if (value === undefined) return { ok: false, problem: 'it is not one JSON value' };
  if (validate(value)) return { ok: true, value };
  const problems = (validate.errors ?? [])
    .slice(0, MAX_PROBLEMS)
    .map(
      ({ instancePath, message }) =>
        `${instancePath === '' ? 'the value' : instancePath} ${message ?? 'is wrong'}`,
    );
  return { ok: false, problem: problems.join('; ') };
}

/** Why a schema cannot be used; null when it can. */
export function problemOfSchema(schema: object): string | null {
  try {
    compile(schema);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function compile(schema: object): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  ajvFormats.default(ajv);
  return ajv.compile(schema);
}

function parseAnswer(text: string): Json | undefined {
  const fenced = /^```[a-z]*\n([\s\S]*)\n```$/i.exec(text.trim())?.[1];
  try {
    return JSON.parse(fenced ?? text) as Json;
  } catch {
    return undefined;
  }
}
