/** Inputs that say in a few words what a tool call is about, best first. */
const TELLING = [
  'command',
  'url',
  'filePath',
  'path',
  'pattern',
  'query',
  'text',
  'element',
  'key',
  'result',
];

/** What a tool call is about, in one line; empty when its input does not say. */
export function toolSubject(input: unknown): string {
  if (typeof input !== 'object' || input === null) return '';
  const fields = input as Record<string, unknown>;
  for (const name of TELLING) {
    const value = fields[name];
    if (typeof value === 'string' && value.trim()) return value.trim().split('\n', 1)[0] ?? '';
  }
  return '';
}

/** Name of a tool for people: `playwright_browser_navigate` → `browser navigate`. */
export function toolName(tool: string): string {
  return tool.replace(/^playwright_/, '').replaceAll(/[_-]+/g, ' ');
}
