import { expect, test } from 'vitest';
import { agentInstructions } from './instructions.ts';

const plain = {
  workspace: '/workspace',
  hasBrowser: false,
  hasDocuments: false,
  extra: null,
  browserOutput: '/tmp/pages',
};

test('only what is in the sandbox is told of', () => {
  const text = agentInstructions(plain);
  expect(text).toContain('banata-publish-artifact');
  expect(text).not.toMatch(/banata-convert|playwright/);
  expect(agentInstructions({ ...plain, hasDocuments: true })).toContain('banata-convert');
  expect(agentInstructions({ ...plain, hasBrowser: true })).toContain('playwright_browser_snapshot');
});
