import { expect, test } from 'vitest';
import { messagePart } from './message-part.ts';

const ids = { id: 'p', sessionID: 's', messageID: 'm' };

test('cuts a long output at 64 KiB without breaking a character', () => {
  const output = `x${'ä'.repeat(50_000)}`;
  const part = messagePart({
    ...ids,
    type: 'tool',
    tool: 'bash',
    state: { status: 'completed', input: {}, output },
  });
  const text = part.type === 'tool' ? (part.output ?? '') : '';
  expect(text.length).toBeLessThan(40_000);
  expect(text).not.toContain('\uFFFD');
  expect(text).toMatch(/ä\n… \(cut: 100001 bytes in all\)$/);
});

test('keeps the beginning of a long input', () => {
  const input = { content: 'y'.repeat(70_000) };
  const part = messagePart({ ...ids, type: 'tool', tool: 'write', state: { status: 'pending', input } });
  expect(part).toMatchObject({ status: 'pending', output: null, input: { cut: true, bytes: 70_014 } });
  expect(JSON.stringify(part).length).toBeLessThan(6000);
});

test('shows what a running command printed so far', () => {
  const state = { status: 'running', input: {}, metadata: { output: 'line 1\n' } } as const;
  expect(messagePart({ ...ids, type: 'tool', tool: 'bash', state })).toMatchObject({ output: 'line 1\n' });
});
