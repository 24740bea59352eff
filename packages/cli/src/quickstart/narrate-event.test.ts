import type { BanataEvent } from '@banata-boxes/sdk';
import { expect, test } from 'vitest';
import { EventNarrator } from './narrate-event.ts';

type Part = Extract<BanataEvent, { type: 'sandbox.agent.part' }>['data']['part'];

function part(value: Part): BanataEvent {
  return {
    id: 'e',
    sandboxId: 's',
    seq: 1,
    createdAt: 1,
    type: 'sandbox.agent.part',
    data: { sessionId: 'x', taskId: 't', messageId: 'm', part: value },
  };
}

const tool = (more: Partial<Extract<Part, { type: 'tool' }>>): BanataEvent =>
  part({ type: 'tool', id: 'p1', tool: 'write', status: 'completed', input: {}, output: null, ...more });

test('a tool call is told once, when it has ended, by what says most', () => {
  const narrator = new EventNarrator();
  const input = { content: 'long text', filePath: '/workspace/report.md' };
  expect(narrator.line(tool({ status: 'running', input }))).toBeUndefined();
  expect(narrator.line(tool({ input }))).toBe('⚙ write /workspace/report.md');
  expect(narrator.line(tool({ input }))).toBeUndefined();
});

test('a failed tool call is marked', () => {
  expect(new EventNarrator().line(tool({ status: 'error', tool: 'bash', input: { command: 'false' } }))).toBe(
    '✗ bash false',
  );
});

test('text of a model cannot steer the terminal and stays on one line', () => {
  const text = `red \u001b[31mtext\u001b[0m\r\nnext\u202e line \u001b]0;title\u0007${'x'.repeat(500)}`;
  const line = new EventNarrator().line(part({ type: 'text', id: 'p', text })) ?? '';
  expect(line).toMatch(/^“red text next +line /);
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(line.length).toBeLessThanOrEqual(100);
});

test('events that tell nothing to people are passed over', () => {
  const delta: BanataEvent = {
    id: 'e',
    sandboxId: 's',
    seq: 1,
    createdAt: 1,
    type: 'sandbox.agent.text.delta',
    data: { sessionId: 'x', taskId: 't', messageId: 'm', partId: 'p', text: 'a' },
  };
  expect(new EventNarrator().line(delta)).toBeUndefined();
});
