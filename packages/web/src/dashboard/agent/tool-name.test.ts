import { expect, it } from 'vitest';
import { toolName, toolSubject } from './tool-name.ts';

it('names tools for people', () => {
  expect(toolName('playwright_browser_navigate')).toBe('browser navigate');
  expect(toolName('banata-complete-task')).toBe('banata complete task');
});

it.each([
  [{ command: 'ls -la\nwc', description: 'List' }, 'ls -la'],
  [{ content: 'x', filePath: '/workspace/a.md' }, '/workspace/a.md'],
  [{ ref: 3 }, ''],
  [{ url: 7, text: 'hi' }, 'hi'],
  [null, ''],
  ['text', ''],
])('tells what %j is about', (input, subject) => {
  expect(toolSubject(input)).toBe(subject);
});
