import type { OrganizationEvent, Webhook, WebhookDelivery } from '@banata/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestPostgres } from '../testing/database.ts';
import { answerStatus, Receiver } from '../testing/receiver.ts';
import { ServerProcess } from '../testing/server-process.ts';

const POLL = { timeout: 30_000, interval: 20 };
/** Of a server at work. */
const KILLS = process.env['BANATA_TEST_ALL'] === '1' ? 4 : 2;

let postgres: TestPostgres;
let receiver: Receiver;
let server: ServerProcess;
let webhook: Webhook;

beforeAll(async () => {
  postgres = await TestPostgres.startOwn();
});
afterAll(() => postgres?.close());
beforeEach(async () => {
  receiver = await Receiver.start();
  server = await ServerProcess.start(await postgres.create(), { BANATA_WEBHOOK_ALLOW_HOSTS: receiver.host });
  webhook = await server.call('POST', '/v1/webhooks', { url: receiver.url() });
});
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
});

const deliveries = async () =>
  (
    await server.call<{ data: WebhookDelivery[] }>(
      'GET',
      `/v1/webhooks/deliveries?id=${webhook.id}&limit=100`,
    )
  ).data;
const eventIds = async () =>
  (await server.call<{ data: OrganizationEvent[] }>('GET', '/v1/events')).data.map(({ id }) => id);

/** Every event has arrived and is settled. */
async function allArrived(): Promise<void> {
  await expect
    .poll(async () => (await deliveries()).every(({ status }) => status === 'delivered'), { timeout: 20_000 })
    .toBe(true);
  // Polled as well: sandboxes of the test may tell of one more event at any time.
  await expect
    .poll(
      async () => {
        const ids = await eventIds();
        const arrived = new Set(receiver.ids);
        return ids.length > 0 && arrived.size === ids.length && ids.every((id) => arrived.has(id));
      },
      { timeout: 20_000 },
    )
    .toBe(true);
}

describe('a server that is killed', () => {
  test('between the commit of an event and its sending: the next one sends it', async () => {
    receiver.answer = () => undefined;
    // Four requests that hang take all the room a webhook has, so that what follows is committed and not sent.
    for (let round = 0; round < 4; round += 1)
      await server.call('POST', '/v1/webhooks/test', { id: webhook.id });
    await expect.poll(() => receiver.received.length, POLL).toBe(4);
    const testIds = new Set(receiver.ids);
    await server.call('POST', '/v1/sandboxes', {});
    await expect.poll(async () => (await eventIds()).length, POLL).toBeGreaterThanOrEqual(3);
    const before = await deliveries();
    expect(before.filter(({ status }) => status === 'pending').length).toBeGreaterThanOrEqual(3);
    await server.kill();
    expect(receiver.received).toHaveLength(4);

    receiver.answer = answerStatus(200);
    await server.restart();
    await expect
      .poll(async () => (await deliveries()).every(({ status }) => status === 'delivered'), {
        timeout: 20_000,
      })
      .toBe(true);
    const ids = await eventIds();
    for (const id of [...ids, ...testIds]) expect(receiver.ids).toContain(id);
  });

  test('between sending and the answer: the next one sends again, with the same id', async () => {
    receiver.answer = () => undefined;
    await server.call('POST', '/v1/sandboxes', {});
    await expect.poll(() => receiver.received.length, POLL).toBeGreaterThan(0);
    const held = receiver.received[0];
    await server.kill();

    receiver.answer = answerStatus(200);
    await server.restart();
    await allArrived();
    const copies = receiver.received.filter(
      ({ headers }) => headers['webhook-id'] === held?.headers['webhook-id'],
    );
    expect(copies).toHaveLength(2);
    expect(copies[1]?.body).toBe(held?.body);
    const lost = (await deliveries()).find(({ eventId }) => eventId === held?.headers['webhook-id']);
    expect(lost?.attempts.map(({ status }) => status)).toEqual([null, 200]);
  });

  test('after the answer and before it is written down: sent again rather than lost', async () => {
    // The receiver answers and kills the sender in the same moment.
    receiver.answer = (response) => {
      response.writeHead(200).end();
      void server.kill();
    };
    await server.call('POST', '/v1/sandboxes', {}).catch(() => undefined);
    await expect.poll(() => receiver.received.length, POLL).toBeGreaterThan(0);
    await server.kill();
    receiver.answer = answerStatus(200);
    await server.restart();
    await allArrived();
  });

  test('again and again under load: nothing is lost', async () => {
    receiver.answer = (response) => void setTimeout(() => response.writeHead(200).end(), 10);
    for (let round = 0; round < KILLS; round += 1) {
      for (let count = 0; count < 15; count += 1) await server.call('POST', '/v1/sandboxes', {});
      await server.kill();
      await server.restart();
    }
    await expect
      .poll(
        async () =>
          (
            await server.call<{ data: unknown[] }>(
              'GET',
              `/v1/webhooks/deliveries?id=${webhook.id}&status=pending`,
            )
          ).data.length,
        { timeout: 30_000 },
      )
      .toBe(0);
    const events = (await server.call<{ data: OrganizationEvent[] }>('GET', '/v1/events?limit=1000')).data;
    expect(events.length).toBeGreaterThan(25 * KILLS);
    await expect
      .poll(() => events.filter(({ id }) => !receiver.ids.includes(id)).length, { timeout: 10_000 })
      .toBe(0);
    process.stdout.write(
      `${events.length} events over ${KILLS} kills: ${receiver.ids.length} requests, ${new Set(receiver.ids).size} ids\n`,
    );
  }, 90_000);
});
