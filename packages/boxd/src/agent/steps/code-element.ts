import type { StepElement } from '@banata/protocol/box';

const TEXT = String.raw`'((?:[^'\\]|\\.)*)'`;
const BY_ROLE = new RegExp(
  String.raw`^await page\.getByRole\(${TEXT}, \{ name: ${TEXT}(?:, exact: true)? \}\)\.`,
);
const BY_SELECTOR = new RegExp(String.raw`^await page\.locator\(${TEXT}\)\.`);

/** Lines of the Playwright code that a browser tool says it ran. */
export function ranCode(output: string): string[] {
  const [, section = ''] = /^### Ran Playwright code\n```(?:js|ts)\n([\s\S]*?)\n```/m.exec(output) ?? [];
  return section.split('\n').filter((line) => line.startsWith('await page.'));
}

/** The element that a line of Playwright code acts on; null when the line does not tell. */
export function codeElement(line: string | undefined): StepElement | null {
  const role = BY_ROLE.exec(line ?? '');
  if (role) return { role: plain(role[1]), name: plain(role[2]).slice(0, 300), selector: null };
  const selector = BY_SELECTOR.exec(line ?? '');
  return selector ? { role: 'generic', name: '', selector: plain(selector[1]).slice(0, 1000) } : null;
}

function plain(quoted = ''): string {
  return quoted.replaceAll(/\\(.)/g, '$1');
}
