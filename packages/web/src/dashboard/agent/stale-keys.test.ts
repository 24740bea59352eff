import type { BanataEvent } from '@banata-boxes/sdk';
import { expect, it } from 'vitest';
import { staleKeys } from './stale-keys.ts';

function event(type: BanataEvent['type'], data: unknown = {}): BanataEvent {
  return { id: 'e', sandboxId: 'b', seq: 1, type, data, createdAt: 0 } as BanataEvent;
}
function tool(status: string): BanataEvent {
  return event('sandbox.agent.part', { part: { type: 'tool', id: 'p', tool: 'write', status } });
}

it.each([
  [event('sandbox.artifacts.updated'), ['artifacts']],
  [event('sandbox.browser.ready'), ['preview']],
  [event('sandbox.browser.failed'), ['preview']],
  [event('sandbox.agent.ready'), ['agent']],
  [event('sandbox.agent.task.completed'), ['agent', 'files']],
  [event('sandbox.agent.text.delta'), []],
  [tool('running'), []],
  [tool('completed'), ['files']],
  [event('sandbox.ended'), ['session']],
])('knows what $0.type makes stale', (happened, keys) => {
  expect([...staleKeys([happened])]).toEqual(keys);
});

it('joins what several events make stale', () => {
  expect([...staleKeys([tool('completed'), tool('completed'), event('sandbox.idle')])]).toEqual([
    'files',
    'session',
  ]);
});
