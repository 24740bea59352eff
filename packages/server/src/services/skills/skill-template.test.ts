import type { BrowserStep } from '@banata/protocol/box';
import { expect, test } from 'vitest';
import { fillTemplate, makeTemplate } from './skill-template.ts';

const step = (more: Partial<BrowserStep>): BrowserStep => ({
  action: 'fill',
  element: null,
  value: null,
  flag: false,
  checked: null,
  urlBefore: null,
  urlAfter: null,
  description: '',
  ...more,
});

const recorded = {
  recipe: '1. Search for blue mugs of Ada with {{password}}',
  steps: [
    step({
      action: 'navigate',
      value: 'http://shop/find?q=blue%20mugs',
      urlAfter: 'http://shop/blue%20mugs',
    }),
    step({
      value: 'Ada',
      description: 'Enter "Ada"',
      element: { role: 'textbox', name: 'Dear Ada', selector: null },
    }),
    step({ value: '7', description: 'Enter 7' }),
    step({ value: '17', description: 'Enter 17' }),
    step({ value: '{{password}}', description: 'Enter {{password}}' }),
  ],
};

test('puts inputs where their values were, and knows the secrets that were left out', () => {
  const made = makeTemplate(recorded, { what: 'blue mugs', who: 'Ada', count: '7' });
  expect(made.inputs).toEqual([
    { name: 'what', secret: false, default: 'blue mugs' },
    { name: 'who', secret: false, default: 'Ada' },
    { name: 'count', secret: false, default: '7' },
    { name: 'password', secret: true, default: null },
  ]);
  expect(made.recipe).toBe('1. Search for {{what}} of {{who}} with {{password}}');
  expect(made.steps.map(({ value }) => value)).toEqual([
    'http://shop/find?q={{what}}',
    '{{who}}',
    '{{count}}',
    '17',
    '{{password}}',
  ]);
  expect(made.steps[1]?.element?.name).toBe('Dear {{who}}');
});

test('fills them in again, in addresses encoded, and shows no secret', () => {
  const made = makeTemplate(recorded, { what: 'blue mugs', who: 'Ada' });
  const values = { what: 'a/b & c', who: 'Bob', password: 'hunter2' };
  const { steps, recipe } = fillTemplate(made, values, new Set(['password']));
  expect(steps[0]).toMatchObject({
    value: 'http://shop/find?q=a%2Fb%20%26%20c',
    urlAfter: 'http://shop/a%2Fb%20%26%20c',
  });
  expect(steps[4]).toMatchObject({ value: 'hunter2', description: 'Enter {{password}}' });
  expect(recipe).toBe('1. Search for a/b & c of Bob with {{password}}');
});

test('a value that looks like a pattern is text', () => {
  const made = makeTemplate({ recipe: '', steps: [step({ value: 'x {{who}} $& $1' })] }, {});
  const { steps } = fillTemplate(made, { who: '$& {{what}}', what: 'no' }, new Set());
  expect(steps[0]?.value).toBe('x $& {{what}} $& $1');
});
