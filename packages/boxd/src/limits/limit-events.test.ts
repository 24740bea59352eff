import type { BoxEventBody } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLogger } from '../logger.ts';
import { LimitEvents } from './limit-events.ts';

const logger = createLogger({ write: () => undefined });

test('tells of a limit once in a while, and of each limit by itself', async () => {
  const bodies: BoxEventBody[] = [];
  const events = new LimitEvents({
    logger,
    quietMs: 100,
    events: { append: async (body) => void bodies.push(body) },
  });
  events.report('disk', 'full\n\u001b[2Jnow');
  events.report('disk', 'still full');
  events.report('memory', 'gone');
  await sleep(120);
  events.report('disk', 'full again');
  await events.stop();
  expect(bodies).toEqual([
    { type: 'limit.reached', data: { limit: 'disk', detail: 'full??[2Jnow' } },
    { type: 'limit.reached', data: { limit: 'memory', detail: 'gone' } },
    { type: 'limit.reached', data: { limit: 'disk', detail: 'full again' } },
  ]);
});

test('keeps what could not be written, and writes it later', async () => {
  const bodies: BoxEventBody[] = [];
  let failures = 1;
  const append = async (body: BoxEventBody): Promise<void> => {
    if (failures-- > 0) throw new Error('no room');
    bodies.push(body);
  };
  const events = new LimitEvents({ logger, retryMs: 20, events: { append } });
  events.report('disk', 'full');
  await sleep(5);
  expect(bodies).toEqual([]);
  await sleep(80);
  await events.stop();
  expect(bodies).toEqual([{ type: 'limit.reached', data: { limit: 'disk', detail: 'full' } }]);
});
