import type { EventType, Webhook, WebhookDelivery } from '@banata/protocol';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NewEvent } from '../stores/event-store.ts';
import { TestPostgres } from '../testing/database.ts';
import { answerStatus, Receiver, type Answer, type Received } from '../testing/receiver.ts';
import { WebhookRig } from '../testing/webhook-rig.ts';

const HOUR = 60 * 60_000;
const ENDED: NewEvent = { type: 'sandbox.ended', data: { reason: 'test' } };
const DELTA: NewEvent = {
  type: 'sandbox.agent.text.delta',
  data: { sessionId: 's', taskId: null, messageId: 'm', partId: 'p', text: 'hi' },
};

type WithSecret = Webhook & { signingSecret: string };

const POLL = { timeout: 8_000, interval: 20 };

let postgres: TestPostgres;
let receiver: Receiver;
let other: Receiver;
let rig: WebhookRig;
let tenant: { organizationId: string; sandboxId: string };

beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(() => postgres?.close());
beforeEach(async () => {
  [receiver, other] = await Promise.all([Receiver.start(), Receiver.start()]);
  rig = new WebhookRig(await postgres.create(), { allowHosts: [receiver.host, other.host] });
  tenant = await rig.tenant();
});
afterEach(async () => {
  await rig?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
  await other?.[Symbol.asyncDispose]();
});

const caller = () => ({ organizationId: tenant.organizationId });

async function createWebhook(url = receiver.url(), eventTypes?: EventType[]): Promise<WithSecret> {
  const body = eventTypes ? { url, eventTypes } : { url };
  return (await rig.service.create(caller(), body)) as WithSecret;
}

async function deliveriesOf(webhookId: string): Promise<WebhookDelivery[]> {
  return (await rig.service.listDeliveries(caller(), webhookId, { limit: 100 })).data;
}

/** The only delivery, once it is in one of these states after at least `attempts` attempts. */
async function settled(webhookId: string, status: WebhookDelivery['status'], attempts = 1) {
  return expect
    .poll(async () => (await deliveriesOf(webhookId))[0], { timeout: 8_000, interval: 20 })
    .toSatisfy((delivery: WebhookDelivery | undefined) =>
      delivery?.status === status ? delivery.attempts.length >= attempts : false,
    )
    .then(async () => (await deliveriesOf(webhookId))[0] as WebhookDelivery);
}

function verify(secret: string, { body, headers }: Received): unknown {
  return new StandardWebhook(secret).verify(body, headers as Record<string, string>);
}

describe('messages', () => {
  test('carry the documented envelope and a signature the standardwebhooks library accepts', async () => {
    const { id, signingSecret } = await createWebhook();
    expect(signingSecret).toMatch(/^[0-9a-f]{48}$/);
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    const delivery = await settled(id, 'delivered');
    const [request] = receiver.received as [Received];
    expect(verify(signingSecret, request)).toEqual({
      id: delivery.eventId,
      type: 'sandbox.ended',
      sandboxId: tenant.sandboxId,
      data: { reason: 'test' },
      createdAt: expect.any(Number) as number,
    });
    expect(request.headers['webhook-id']).toBe(delivery.eventId);
    expect(() => verify('0'.repeat(48), request)).toThrow();
    expect(() => verify(signingSecret, { ...request, body: `${request.body} ` })).toThrow();
  });

  test('are signed with both secrets while one is being changed, and with the new one after', async () => {
    const { id, signingSecret: old } = await createWebhook();
    const rotated = (await rig.service.rotateSecret(caller(), {
      id,
      overlapMs: 24 * HOUR,
    })) as WithSecret;
    expect(rotated.previousSecretUntil).toBeGreaterThan(Date.now() + 23 * HOUR);
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    await settled(id, 'delivered');
    const [both] = receiver.received as [Received];
    expect(String(both.headers['webhook-signature']).split(' ')).toHaveLength(2);
    verify(old, both);
    verify(rotated.signingSecret, both);

    await rig.service.rotateSecret(caller(), { id, overlapMs: 0 });
    await rig.append(tenant.sandboxId, ENDED);
    await expect.poll(() => receiver.received, POLL).toHaveLength(2);
    const alone = receiver.received[1] as Received;
    expect(String(alone.headers['webhook-signature']).split(' ')).toHaveLength(1);
    expect(() => verify(rotated.signingSecret, alone)).toThrow();
  });

  test('are the events a webhook asks for; without a filter all but those of high rate', async () => {
    const filtered = await createWebhook(receiver.url('/filtered'), ['sandbox.agent.text.delta']);
    const all = await createWebhook(receiver.url('/all'));
    expect(all.eventTypes).not.toContain('sandbox.agent.text.delta');
    const disabled = await createWebhook(receiver.url('/disabled'));
    await rig.service.update(caller(), { id: disabled.id, enabled: false });
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, DELTA, ENDED);
    await settled(filtered.id, 'delivered');
    await settled(all.id, 'delivered');
    const kinds = receiver.received.map(
      ({ path, body }) => `${path} ${(JSON.parse(body) as { type: string }).type}`,
    );
    expect(kinds.toSorted()).toEqual(['/all sandbox.ended', '/filtered sandbox.agent.text.delta']);
    expect(await deliveriesOf(disabled.id)).toEqual([]);
  });

  test('of a transaction that is rolled back are never sent', async () => {
    const { id } = await createWebhook();
    await rig.startDeliverer();
    const failing = rig.db.transaction().execute(async (tx) => {
      await rig.events.append(tx, tenant.sandboxId, [ENDED], Date.now());
      throw new Error('roll back');
    });
    await expect(failing).rejects.toThrow('roll back');
    expect(await deliveriesOf(id)).toEqual([]);
  });

  test('of a test carry the type webhook.test', async () => {
    const { id, signingSecret } = await createWebhook();
    await rig.startDeliverer();
    const delivery = await rig.service.test(caller(), id);
    expect(delivery.payload).toMatchObject({ type: 'webhook.test', sandboxId: null });
    await settled(id, 'delivered');
    expect(verify(signingSecret, receiver.received[0] as Received)).toEqual(delivery.payload);
  });
});

describe('a receiver that', () => {
  /** Appends one event and puts the clock forward until the delivery is settled for good. */
  async function runADay(answer: Answer) {
    receiver.answer = answer;
    const webhook = await createWebhook();
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    const first = await settled(webhook.id, 'pending');
    let delivery = first;
    while (delivery.status === 'pending' || delivery.status === 'sending') {
      if (delivery.nextAttemptAt !== null) {
        rig.advance(Math.max(0, delivery.nextAttemptAt - rig.now()));
        const { length } = delivery.attempts;
        await expect
          .poll(async () => (await deliveriesOf(webhook.id))[0]?.attempts.length, { timeout: 8_000 })
          .toBeGreaterThan(length);
      }
      [delivery] = (await deliveriesOf(webhook.id)) as [WebhookDelivery];
    }
    return { webhook, first, delivery };
  }

  test('answers 500 is tried for a day with the same id, then dead-lettered, and can be served by hand', async () => {
    const { webhook, first, delivery } = await runADay((response) =>
      response.writeHead(500).end('x'.repeat(10_000)),
    );
    expect(first.attempts[0]).toMatchObject({ number: 1, status: 500, error: null });
    expect(first.attempts[0]?.responseBody).toBe('x'.repeat(4096));
    expect(delivery.status).toBe('failed');
    expect(delivery.attempts.length).toBeGreaterThanOrEqual(10);
    expect(delivery.attempts.length).toBeLessThanOrEqual(20);
    const span = (delivery.attempts.at(-1)?.startedAt ?? 0) - (delivery.attempts[0]?.startedAt ?? 0);
    expect(span).toBeGreaterThan(18 * HOUR);
    expect(span).toBeLessThan(24 * HOUR);
    expect(new Set(receiver.ids)).toEqual(new Set([delivery.eventId]));
    expect(await rig.service.get(caller(), webhook.id)).toMatchObject({
      enabled: true,
      failingSince: expect.any(Number) as number,
    });

    receiver.answer = answerStatus(204);
    const again = await rig.service.redeliver(caller(), webhook.id, delivery.id);
    expect(again.status).toBe('pending');
    const served = await settled(webhook.id, 'delivered');
    expect(served.eventId).toBe(delivery.eventId);
    expect(receiver.ids.at(-1)).toBe(delivery.eventId);
    expect(await rig.service.get(caller(), webhook.id)).toMatchObject({ failingSince: null });
  }, 30_000);

  test('hangs is left after the timeout and tried again', async () => {
    receiver.answer = () => undefined;
    const { id } = await createWebhook();
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    const delivery = await settled(id, 'pending');
    expect(delivery.attempts[0]).toMatchObject({ status: null, error: 'No reply within 500 ms.' });
    receiver.answer = answerStatus(200);
    rig.advance(HOUR);
    await settled(id, 'delivered', 2);
    expect(new Set(receiver.ids).size).toBe(1);
  });

  test('never ends its reply counts by its status', async () => {
    receiver.answer = (response) => {
      response.writeHead(200);
      response.write('more to come');
    };
    const { id } = await createWebhook();
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    const delivery = await settled(id, 'delivered');
    expect(delivery.attempts[0]).toMatchObject({ status: 200, responseBody: 'more to come' });
  });

  test('redirects is not followed', async () => {
    receiver.answer = answerStatus(302, { location: other.url() });
    const { id } = await createWebhook();
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    const delivery = await settled(id, 'pending');
    expect(delivery.attempts[0]).toMatchObject({ status: 302 });
    expect(other.received).toEqual([]);
  });

  test.each([429, 503])('answers %i with Retry-After is left alone for so long', async (status) => {
    receiver.answer = answerStatus(status, { 'retry-after': '600' });
    const { id } = await createWebhook();
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    const delivery = await settled(id, 'pending');
    const wait = (delivery.nextAttemptAt ?? 0) - (delivery.attempts[0]?.startedAt ?? 0);
    expect(wait).toBeGreaterThanOrEqual(600_000);
    expect(wait).toBeLessThan(602_000);
  });

  test('answers 410 is disabled, and enabled by hand again', async () => {
    receiver.answer = answerStatus(410);
    const { id } = await createWebhook();
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    await settled(id, 'failed');
    expect(await rig.service.get(caller(), id)).toMatchObject({
      enabled: false,
      disabledReason: 'The receiver answered 410 Gone.',
    });
    await rig.append(tenant.sandboxId, ENDED);
    expect(await deliveriesOf(id)).toHaveLength(1);
    await expect(rig.service.test(caller(), id)).rejects.toMatchObject({ code: 'WEBHOOK_DISABLED' });
    receiver.answer = answerStatus(200);
    await rig.service.update(caller(), { id, enabled: true });
    await rig.append(tenant.sandboxId, ENDED);
    await settled(id, 'delivered');
  });

  test('hangs does not hold up the others', async () => {
    receiver.answer = () => undefined;
    const hanging = await createWebhook();
    const good = await createWebhook(other.url());
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ...Array.from({ length: 100 }, () => ENDED));
    await expect.poll(() => other.received.length, { timeout: 5_000 }).toBe(100);
    const waiting = await rig.service.listDeliveries(caller(), hanging.id, { limit: 100 });
    expect(waiting.data.filter(({ attempts }) => attempts.length === 0).length).toBeGreaterThan(50);
    expect((await deliveriesOf(good.id)).every(({ status }) => status === 'delivered')).toBe(true);
  });
});

describe('addresses', () => {
  test.each([
    ['http://127.0.0.1:9/', '127.0.0.1 is loopback'],
    ['https://127.0.0.1:9/', '127.0.0.1 is loopback'],
    ['https://169.254.169.254/latest', 'metadata'],
    ['http://example.com/', 'https'],
    ['ftp://example.com/', 'only http and https'],
    ['https://user:pass@example.com/', 'user name or password'],
  ])('%s is refused when a webhook is made', async (url, text) => {
    await expect(createWebhook(url)).rejects.toMatchObject({
      code: 'WEBHOOK_URL_REFUSED',
      message: expect.stringContaining(text) as string,
    });
  });

  test('are judged as they are dialled, whatever was allowed when the webhook was made', async () => {
    const { id } = await createWebhook();
    const port = receiver.host.split(':')[1] ?? '';
    // A name that leads to loopback: nothing can be told from the text.
    await rig.db
      .updateTable('webhooks')
      .set({ url: `https://localhost:${port}/hook` })
      .where('id', '=', id)
      .execute();
    await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    const delivery = await settled(id, 'pending');
    expect(delivery.attempts[0]?.error).toContain('loopback');
    expect(receiver.received).toEqual([]);
  });
});

describe('several servers', () => {
  test('share 1,000 events to a slow receiver, each sent once, never more than four at a time', async () => {
    let inAir = 0;
    let most = 0;
    receiver.answer = (response) => {
      inAir += 1;
      most = Math.max(most, inAir);
      setTimeout(() => {
        inAir -= 1;
        response.end();
      }, 15);
    };
    await createWebhook();
    await Promise.all([rig.startDeliverer(), rig.startDeliverer(), rig.startDeliverer()]);
    const startedAt = performance.now();
    for (let batch = 0; batch < 20; batch += 1) {
      await rig.append(tenant.sandboxId, ...Array.from({ length: 50 }, () => ENDED));
    }
    await expect.poll(() => new Set(receiver.ids).size, { timeout: 40_000, interval: 50 }).toBe(1000);
    process.stdout.write(
      `1,000 events to a receiver of 15 ms: ${Math.round(performance.now() - startedAt)} ms\n`,
    );
    expect(receiver.ids).toHaveLength(1000);
    expect(most).toBeLessThanOrEqual(4);
    const appended = await rig.events.list(tenant.sandboxId, { after: 0, limit: 2000 });
    expect(new Set(receiver.ids)).toEqual(new Set(appended.map((event) => event.id)));
  }, 60_000);

  test('a delivery whose server died is sent by another one after its lease, with the lost attempt on record', async () => {
    const { id } = await createWebhook();
    await rig.append(tenant.sandboxId, ENDED);
    await rig.db
      .updateTable('webhook_deliveries')
      .set({ status: 'sending', attempts: 1, lease_owner: 'dead', lease_until: rig.now() + 30_000 })
      .execute();
    await rig.startDeliverer('alive');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(receiver.received).toEqual([]);
    rig.advance(31_000);
    const delivery = await settled(id, 'delivered', 2);
    expect(delivery.attempts[0]?.error).toContain('ended before');
    expect(delivery.attempts[1]).toMatchObject({ number: 2, status: 200 });
  });

  test('what a stopped server was sending goes out from the next one at once', async () => {
    receiver.answer = () => undefined;
    const { id } = await createWebhook();
    const first = await rig.startDeliverer();
    await rig.append(tenant.sandboxId, ENDED);
    await expect.poll(() => receiver.received, POLL).toHaveLength(1);
    await first.stop();
    receiver.answer = answerStatus(200);
    await rig.startDeliverer();
    const delivery = await settled(id, 'delivered', 2);
    expect(delivery.attempts[0]?.error).toBe('The server stopped during this attempt.');
    expect(new Set(receiver.ids).size).toBe(1);
  });
});

test('from the commit of an event to its arrival takes milliseconds', async () => {
  await createWebhook();
  await rig.startDeliverer();
  const delays: number[] = [];
  for (let round = 0; round < 200; round += 1) {
    await rig.append(tenant.sandboxId, ENDED);
    const committedAt = performance.now();
    while (receiver.received.length <= round) await new Promise((resolve) => setImmediate(resolve));
    delays.push(performance.now() - committedAt);
  }
  delays.sort((a, b) => a - b);
  const [p50, p99] = [delays[100] ?? 0, delays[198] ?? 0];
  process.stdout.write(`event to arrival: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms\n`);
  expect(p50).toBeLessThan(100);
}, 60_000);

test('finished deliveries are forgotten after 30 days, and what waits for a disabled webhook is given up', async () => {
  const { id } = await createWebhook();
  const disabled = await createWebhook(other.url());
  await rig.append(tenant.sandboxId, ENDED);
  await rig.service.update(caller(), { id: disabled.id, enabled: false });
  const first = await rig.startDeliverer();
  await settled(id, 'delivered');
  expect((await deliveriesOf(disabled.id))[0]).toMatchObject({ status: 'pending' });
  await first.stop();
  rig.advance(25 * HOUR);
  await (await rig.startDeliverer()).stop();
  expect((await deliveriesOf(disabled.id))[0]).toMatchObject({ status: 'failed' });
  rig.advance(31 * 24 * HOUR);
  await (await rig.startDeliverer()).stop();
  expect(await deliveriesOf(id)).toEqual([]);
  expect(other.received).toEqual([]);
});

test('secrets are sealed at rest, and shown once', async () => {
  const { id, signingSecret } = await createWebhook();
  const row = await rig.db.selectFrom('webhooks').selectAll().executeTakeFirstOrThrow();
  expect(row.secret_sealed.includes(signingSecret)).toBe(false);
  expect(await rig.service.get(caller(), id)).not.toHaveProperty('signingSecret');
});

test('deleting a webhook while it is being sent to breaks neither', async () => {
  const { id } = await createWebhook();
  receiver.answer = (response) => void setTimeout(() => response.end(), 50);
  await rig.startDeliverer();
  await rig.append(tenant.sandboxId, ...Array.from({ length: 30 }, () => ENDED));
  await expect.poll(() => receiver.received.length, POLL).toBeGreaterThan(3);
  await rig.service.delete(caller(), id);
  await rig.append(tenant.sandboxId, ENDED);
  const { length } = receiver.received;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(receiver.received.length - length).toBeLessThanOrEqual(4);
  await expect(rig.service.get(caller(), id)).rejects.toMatchObject({ code: 'WEBHOOK_NOT_FOUND' });
});
