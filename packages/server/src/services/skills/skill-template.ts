import type { SkillInput } from '@banata/protocol';
import type { BrowserStep } from '@banata/protocol/box';

const PLACEHOLDER = /\{\{([a-z][a-z0-9_]*)\}\}/g;
/** Shorter values stand for an input only where they are the whole value: they are part of too many words. */
const MIN_PART = 3;

/** What of a skill holds placeholders. */
export interface Template {
  steps: BrowserStep[];
  recipe: string;
}

/**
 * Puts placeholders where a recording holds the values of inputs.
 * @param values name of each input and the value it had.
 * @returns the inputs too: those given, and the secrets that the recording left out itself.
 */
export function makeTemplate(
  recorded: Template,
  values: Readonly<Record<string, string>>,
): Template & { inputs: SkillInput[] } {
  // The longest first: one value may be part of another.
  const entries = Object.entries(values)
    .filter(([, value]) => value !== '')
    .sort(([, a], [, b]) => b.length - a.length);
  const replace = (text: string, encode: (value: string) => string = String): string => {
    let made = text;
    for (const [name, value] of entries) {
      if (made === value) return `{{${name}}}`;
      if (value.length < MIN_PART) continue;
      made = made.replaceAll(value, `{{${name}}}`).replaceAll(encode(value), `{{${name}}}`);
    }
    return made;
  };
  const steps = recorded.steps.map((step) => mapStep(step, replace));
  const recipe = replace(recorded.recipe);
  const given = Object.entries(values).map(([name, value]) => ({ name, secret: false, default: value }));
  const secrets = placeholdersOf({ steps, recipe })
    .filter((name) => !Object.hasOwn(values, name))
    .map((name) => ({ name, secret: true, default: null }));
  return { steps, recipe, inputs: [...given, ...secrets] };
}

/**
 * Fills in the values of a run. Words that people are shown, and the recipe, keep the placeholders of secrets.
 * @param values of all inputs.
 */
export function fillTemplate(
  { steps, recipe }: Template,
  values: Readonly<Record<string, string>>,
  secrets: ReadonlySet<string>,
): Template {
  const fill = (text: string, encode: (value: string) => string = String): string =>
    text.replaceAll(PLACEHOLDER, (whole, name: string) =>
      Object.hasOwn(values, name) ? encode(values[name] ?? '') : whole,
    );
  const shown = (text: string): string =>
    text.replaceAll(PLACEHOLDER, (whole, name: string) =>
      Object.hasOwn(values, name) && !secrets.has(name) ? (values[name] ?? '') : whole,
    );
  const filled = steps.map((step) => ({
    ...mapStep(step, fill),
    description: shown(step.description),
  }));
  return { steps: filled, recipe: shown(recipe) };
}

function encoded(value: string): string {
  // A lone surrogate cannot be encoded.
  return encodeURIComponent(value.toWellFormed());
}

function placeholdersOf({ steps, recipe }: Template): string[] {
  const text = `${JSON.stringify(steps)} ${recipe}`;
  return [...new Set([...text.matchAll(PLACEHOLDER)].flatMap(([, name]) => name ?? []))];
}

function mapStep(
  step: BrowserStep,
  map: (text: string, encode?: (value: string) => string) => string,
): BrowserStep {
  const url = (text: string | null): string | null => (text === null ? null : map(text, encoded));
  const { element } = step;
  const value = step.action === 'navigate' ? url(step.value) : step.value && map(step.value);
  return {
    ...step,
    value,
    element: element && {
      ...element,
      name: map(element.name),
      selector: element.selector && map(element.selector),
    },
    urlBefore: url(step.urlBefore),
    urlAfter: url(step.urlAfter),
    description: map(step.description),
  };
}
