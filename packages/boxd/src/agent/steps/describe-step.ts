import type { BrowserStep } from '@banata/protocol/box';

const MAX_DESCRIPTION = 2000;
const MAX_SHOWN = 300;

/** A step in words, with all that is needed to do it again. */
export function describeStep(step: Omit<BrowserStep, 'description'>): string {
  const text = words(step);
  const moved = step.urlAfter !== null && step.urlAfter !== step.urlBefore && step.action !== 'navigate';
  return `${text}${moved ? `; the page is then ${step.urlAfter}` : ''}`.slice(0, MAX_DESCRIPTION);
}

function words(step: Omit<BrowserStep, 'description'>): string {
  const on = elementWords(step);
  const value = JSON.stringify((step.value ?? '').slice(0, MAX_SHOWN));
  switch (step.action) {
    case 'navigate':
      return `Open ${step.value}`;
    case 'back':
      return 'Go back';
    case 'click':
      return `${clickWord(step.checked)} ${on}`;
    case 'fill':
      return `Enter ${value} into ${on}${step.flag ? ' and press Enter' : ''}`;
    case 'select':
      return `Select ${value} in ${on}`;
    case 'press':
      return `Press ${step.value}`;
    case 'hover':
      return `Move the pointer over ${on}`;
    case 'wait':
      return waitWords(step);
    case 'other':
      return `Use the tool ${(step.value ?? '').slice(0, MAX_SHOWN)}`;
  }
}

function clickWord(checked: boolean | null): string {
  if (checked === null) return 'Click';
  return checked ? 'Check' : 'Uncheck';
}

function waitWords({ value, flag }: Pick<BrowserStep, 'value' | 'flag'>): string {
  if (value === null) return 'Wait a moment';
  return `Wait until ${JSON.stringify(value.slice(0, MAX_SHOWN))} ${flag ? 'is gone' : 'is shown'}`;
}

function elementWords({ element }: Pick<BrowserStep, 'element'>): string {
  if (element === null) return 'an element that could not be named';
  const selector = element.selector === null ? '' : ` (${element.selector})`;
  return `${element.role} ${JSON.stringify(element.name)}${selector}`;
}
