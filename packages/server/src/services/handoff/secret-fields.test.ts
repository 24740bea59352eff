import { ApiError, handoffFieldsSchema, type HandoffField } from '@banata/protocol';
import { expect, test } from 'vitest';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import { entriesOf, fieldsFor } from './secret-fields.ts';

const fields: HandoffField[] = [
  { name: 'password', label: 'Password', kind: 'password' },
  { name: 'code', label: 'Code', kind: 'otp', selector: '#code' },
];

function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  return expect.unreachable();
}

const sandbox = (capabilities: SandboxRow['capabilities']): Pick<SandboxRow, 'capabilities'> => ({
  capabilities,
});

test('each field gets its value', () => {
  expect(entriesOf({ fields }, { code: '1234', password: 'hunter22' })).toEqual([
    { ...fields[0], value: 'hunter22' },
    { ...fields[1], value: '1234' },
  ]);
});

test.each([
  ['none', undefined],
  ['a text', 'canary-value'],
  ['a list', ['canary-value']],
  ['a number', { password: 'canary-value', code: 4829135 }],
  ['one is missing', { password: 'canary-value' }],
  ['one is empty', { password: 'canary-value', code: '' }],
  ['one is too long', { password: 'canary-value'.repeat(1000), code: '1' }],
  ['one too many', { password: 'canary-value', code: '1', 'canary-value': 'x' }],
])('values that do not fit are refused without being repeated: %s', (_, values) => {
  const error = refusal(() => entriesOf({ fields }, values));
  expect(error.code).toBe('HANDOFF_FIELDS_INVALID');
  expect(JSON.stringify(error.toBody())).not.toMatch(/canary|4829135/);
});

test('values for a request without a form are refused', () => {
  expect(refusal(() => entriesOf({ fields: null }, { a: 'b' })).code).toBe('HANDOFF_FIELDS_INVALID');
});

test('a form needs a browser, and placeholders an agent', () => {
  const browser = sandbox({ browser: { humanInLoop: true } });
  const both = sandbox({ browser: { humanInLoop: true }, agent: { enabled: true } });
  expect(fieldsFor(browser, {}, 'type')).toEqual({ fields: null, deliver: null });
  expect(fieldsFor(browser, { fields }, 'type')).toMatchObject({ deliver: 'type' });
  expect(fieldsFor(both, { fields, deliver: 'placeholder' }, 'type')).toMatchObject({
    deliver: 'placeholder',
  });
  const code = (run: () => unknown): string => refusal(run).code;
  expect(code(() => fieldsFor(sandbox({}), { fields }, 'type'))).toBe('BROWSER_NOT_ENABLED');
  expect(code(() => fieldsFor(browser, { fields, deliver: 'placeholder' }, 'type'))).toBe(
    'AGENT_NOT_ENABLED',
  );
  expect(code(() => fieldsFor(browser, { deliver: 'type' }, 'type'))).toBe('INVALID_REQUEST');
  const paired = sandbox({ browser: { mode: 'paired-banata-browser' } });
  expect(code(() => fieldsFor(paired, { fields }, 'type'))).toBe('NOT_SUPPORTED');
});

test.each([
  [[]],
  [[{ name: 'Password', label: 'x', kind: 'text' }]],
  [[{ name: 'a', label: '', kind: 'text' }]],
  [[{ name: 'a', label: 'x', kind: 'pin' }]],
  [[fields[0], fields[0]]],
  [Array.from({ length: 9 }, (_, index) => ({ name: `f${index}`, label: 'x', kind: 'text' }))],
])('a form that cannot be shown is refused: %j', (wrong) => {
  expect(handoffFieldsSchema.safeParse(wrong).success).toBe(false);
});
