import type { BrowserStep, StepElement } from '@banata/protocol/box';
import { z } from 'zod';
import type { PageAction } from '../../browser/steps/page-watch.ts';
import { BROWSER_MCP } from '../server/opencode-config.ts';
import { codeElement, ranCode } from './code-element.ts';

/** One finished use of a tool, with what was seen in the browser meanwhile. */
export interface ToolCall {
  tool: string;
  input: unknown;
  output: string;
  actions: PageAction[];
  urlBefore: string | null;
  urlAfter: string | null;
}

/** A step before its secrets are masked. */
export type RawStep = Omit<BrowserStep, 'description'> & { secret: boolean };

const clickSchema = z.looseObject({
  doubleClick: z.literal(false).optional(),
  button: z.literal('left').optional(),
  modifiers: z.array(z.string()).max(0).optional(),
});
const fieldSchema = z.looseObject({
  name: z.string().catch(''),
  type: z.enum(['textbox', 'checkbox', 'radio', 'combobox', 'slider']),
  value: z.string(),
});

/** Uses that change nothing in the browser or the workspace: a replay has no use for them. */
const LOOKS = new Set(
  [
    'snapshot',
    'take_screenshot',
    'console_messages',
    'network_requests',
    'network_request',
    'find',
    'close',
  ].map((name) => `${BROWSER_MCP}_browser_${name}`),
);
const READERS = new Set([
  'read',
  'glob',
  'grep',
  'list',
  'todowrite',
  'todoread',
  'invalid',
  'skill',
  'question',
]);
const MAX_VALUE = 16 * 1024;

/** The steps that a use of a tool amounts to; none for one that only looks. */
export function stepsOfCall(call: ToolCall): RawStep[] {
  const prefix = `${BROWSER_MCP}_browser_`;
  if (LOOKS.has(call.tool) || READERS.has(call.tool)) return [];
  if (!call.tool.startsWith(prefix)) return isReport(call) ? [] : [other(call)];
  return browserSteps(call.tool.slice(prefix.length), call) ?? [other(call)];
}

/** Undefined for a use that cannot be done again without a model. */
function browserSteps(name: string, call: ToolCall): RawStep[] | undefined {
  const input = z.record(z.string(), z.unknown()).catch({}).parse(call.input);
  const text = (key: string): string | null => {
    const value = input[key];
    return typeof value === 'string' ? value.slice(0, MAX_VALUE) : null;
  };
  switch (name) {
    case 'navigate':
      return [step(call, 'navigate', { value: text('url') })];
    case 'navigate_back':
      return [step(call, 'back', {})];
    case 'click':
      return clickSteps(call, input);
    case 'type': {
      const action = call.actions.findLast(({ type }) => type === 'input');
      return [step(call, 'fill', { action, value: text('text'), flag: input['submit'] === true })];
    }
    case 'select_option':
      return selectSteps(call, input['values']);
    case 'press_key':
      return [step(call, 'press', { value: text('key') })];
    case 'hover':
      return [step(call, 'hover', {})];
    case 'wait_for':
      return [step(call, 'wait', { value: text('text') ?? text('textGone'), flag: text('text') === null })];
    case 'fill_form':
      return formSteps(call, input['fields']);
    default:
      return input['action'] === 'list' ? [] : undefined;
  }
}

function clickSteps(call: ToolCall, input: object): RawStep[] | undefined {
  if (!clickSchema.safeParse(input).success) return undefined;
  const action = call.actions.findLast(({ type }) => type === 'click');
  return [step(call, 'click', { action, checked: action?.checked ?? null })];
}

function selectSteps(call: ToolCall, given: unknown): RawStep[] | undefined {
  const values = z.array(z.string()).safeParse(given).data;
  const action = call.actions.findLast(({ type }) => type !== 'click');
  return values && [step(call, 'select', { action, value: values.join('\n').slice(0, MAX_VALUE) })];
}

function formSteps(call: ToolCall, given: unknown): RawStep[] | undefined {
  const fields = z.array(fieldSchema).safeParse(given).data;
  if (fields === undefined) return undefined;
  const touched = byElement(call.actions);
  const lines = ranCode(call.output);
  return fields.map((field, index) => {
    // A field that was as it should be tells of nothing; then the code tells which is which.
    const action = touched.length === fields.length ? touched[index] : undefined;
    const element = action?.element ?? codeElement(lines[index]);
    const about = { action, element, value: field.value.slice(0, MAX_VALUE) };
    if (field.type === 'combobox') return step(call, 'select', about);
    if (field.type === 'textbox' || field.type === 'slider') return step(call, 'fill', about);
    return step(call, 'click', { ...about, value: null, checked: field.value === 'true' });
  });
}

/** The last thing that happened to each element, in order. */
function byElement(actions: PageAction[]): PageAction[] {
  const last = new Map<string, PageAction>();
  for (const action of actions) last.set(JSON.stringify(action.element), action);
  return [...last.values()];
}

function step(
  call: ToolCall,
  action: BrowserStep['action'],
  about: {
    action?: PageAction | undefined;
    element?: StepElement | null;
    value?: string | null;
    flag?: boolean;
    checked?: boolean | null;
  },
): RawStep {
  const acts = !['navigate', 'back', 'press', 'wait'].includes(action);
  return {
    action,
    element: about.element ?? about.action?.element ?? (acts ? codeElement(ranCode(call.output)[0]) : null),
    value: about.value ?? null,
    flag: about.flag ?? false,
    checked: about.checked ?? null,
    urlBefore: call.urlBefore,
    urlAfter: call.urlAfter,
    secret:
      about.action?.secret ?? looksSecret(about.element?.name ?? codeElement(ranCode(call.output)[0])?.name),
  };
}

/** For a field that was not seen itself. */
function looksSecret(name = ''): boolean {
  return /password|passcode|passphrase|\bpin\b|secret|token|card number|cvc|cvv/i.test(name);
}

function other(call: ToolCall): RawStep {
  const value = `${call.tool} ${JSON.stringify(call.input) ?? ''}`.slice(0, 4096);
  return { ...step(call, 'other', { value }), element: null };
}

function isReport({ tool, input }: ToolCall): boolean {
  return (
    tool === 'bash' && /^\s*banata-complete-task\b/.test(String((input as { command?: unknown })?.command))
  );
}
