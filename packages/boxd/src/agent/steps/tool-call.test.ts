import { describe, expect, test } from 'vitest';
import type { PageAction } from '../../browser/steps/page-watch.ts';
import { stepsOfCall, type ToolCall } from './tool-call.ts';

function call(name: string, input: unknown, more: Partial<ToolCall> = {}): ToolCall {
  const tool = `playwright_browser_${name}`;
  return { tool, input, output: '', actions: [], urlBefore: 'http://a/', urlAfter: 'http://a/', ...more };
}

const ran = (...lines: string[]): string =>
  `### Ran Playwright code\n\`\`\`js\n${lines.join('\n')}\n\`\`\`\n### Page\n- Page URL: http://a/`;
const seen = (type: PageAction['type'], name: string, more: Partial<PageAction> = {}): PageAction => ({
  type,
  element: { role: 'textbox', name, selector: `#${name}` },
  url: 'http://a/',
  secret: false,
  checked: null,
  ...more,
});

describe('a tool call as steps', () => {
  test('takes its element from what was seen in the page', () => {
    const actions = [seen('click', 'other'), seen('input', 'who', { secret: true })];
    expect(stepsOfCall(call('type', { target: 'e5', text: 'Ada', submit: true }, { actions }))).toMatchObject(
      [
        {
          action: 'fill',
          element: { name: 'who', selector: '#who' },
          value: 'Ada',
          flag: true,
          secret: true,
        },
      ],
    );
  });

  test('takes it from the code that was run when nothing was seen, and guesses what is secret', () => {
    const output = ran("await page.getByRole('textbox', { name: 'Bob\\'s password' }).fill('x');");
    expect(stepsOfCall(call('type', { target: 'e5', text: 'x' }, { output }))).toMatchObject([
      { element: { role: 'textbox', name: "Bob's password", selector: null }, secret: true },
    ]);
  });

  test('gives a form one step a field', () => {
    const fields = [
      { target: 'e1', name: 'Name', type: 'textbox', value: 'Ada' },
      { target: 'e2', name: 'Terms', type: 'checkbox', value: 'true' },
      { target: 'e3', name: 'Land', type: 'combobox', value: 'Norway' },
    ];
    const output = ran(
      "await page.getByRole('textbox', { name: 'Name' }).fill('Ada');",
      "await page.getByRole('checkbox', { name: 'Terms' }).check();",
      "await page.locator('#land').selectOption('Norway');",
    );
    expect(stepsOfCall(call('fill_form', { fields }, { output }))).toMatchObject([
      { action: 'fill', element: { name: 'Name' }, value: 'Ada' },
      { action: 'click', element: { name: 'Terms' }, checked: true },
      { action: 'select', element: { selector: '#land' }, value: 'Norway' },
    ]);
  });

  test.each([
    ['snapshot', {}],
    ['take_screenshot', {}],
    ['tabs', { action: 'list' }],
  ])('leaves %s out', (name, input) => {
    expect(stepsOfCall(call(name, input))).toEqual([]);
  });

  test.each([
    ['click', { target: 'e1', doubleClick: true }],
    ['drag', { startTarget: 'e1', endTarget: 'e2' }],
    ['evaluate', { function: '() => 1' }],
    ['tabs', { action: 'new' }],
    ['fill_form', { fields: 'none' }],
  ])('leaves %s %j to the model', (name, input) => {
    expect(stepsOfCall(call(name, input))).toMatchObject([{ action: 'other', element: null }]);
  });

  test('keeps what changes the workspace, and neither reading nor the report', () => {
    const of = (tool: string, input: object): unknown => stepsOfCall({ ...call('', input), tool });
    expect(of('bash', { command: 'echo 1 >a' })).toMatchObject([{ action: 'other' }]);
    expect(of('bash', { command: 'banata-complete-task --result x' })).toEqual([]);
    expect(of('read', { filePath: 'a' })).toEqual([]);
  });
});
