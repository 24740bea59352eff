import { Webhook as StandardWebhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { verifyWebhook, type VerifyWebhookOptions } from './verify-webhook.ts';

const SECRET = '3f9c0a71d2e4b58697a1c3e5f70829b4d6e8f0a1b2c3d4e5';
const OTHER = 'a'.repeat(48);
const EVENT = {
  id: 'evt_1',
  type: 'sandbox.ended',
  sandboxId: 's1',
  data: { reason: 'Ended by request. ✓' },
  createdAt: 1_775_044_800_000,
};
const BODY = JSON.stringify(EVENT);

function signed(secret = SECRET, at = new Date()): VerifyWebhookOptions {
  return {
    body: BODY,
    secret: SECRET,
    headers: {
      'webhook-id': EVENT.id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new StandardWebhook(secret).sign(EVENT.id, at, BODY),
    },
  };
}

function withHeader(name: string, value: string | undefined): VerifyWebhookOptions {
  return { ...signed(), headers: { ...(signed().headers as Record<string, string>), [name]: value } };
}

describe('verifyWebhook', () => {
  test('answers the event of a request that the standardwebhooks library signed', async () => {
    expect(await verifyWebhook(signed())).toEqual(EVENT);
  });

  test('takes bytes, Headers, names in capitals, and a secret with the prefix of the specification', async () => {
    const { headers, ...rest } = signed();
    const entries = Object.entries(headers as Record<string, string>);
    const capitals = Object.fromEntries(entries.map(([name, value]) => [name.toUpperCase(), value]));
    const body = new TextEncoder().encode(BODY);
    expect(await verifyWebhook({ ...rest, body, headers: new Headers(entries) })).toEqual(EVENT);
    expect(await verifyWebhook({ ...rest, headers: capitals, secret: `whsec_${SECRET}` })).toEqual(EVENT);
  });

  test('takes any of several signatures and any of several secrets', async () => {
    const good = (signed().headers as Record<string, string>)['webhook-signature'] ?? '';
    const bad = (signed(OTHER).headers as Record<string, string>)['webhook-signature'] ?? '';
    expect(await verifyWebhook(withHeader('webhook-signature', `v1a,xxxx ${bad} ${good}`))).toEqual(EVENT);
    expect(await verifyWebhook({ ...signed(), secret: [OTHER, SECRET] })).toEqual(EVENT);
  });

  test.each([
    ['another secret', { ...signed(), secret: OTHER }],
    ['no secret that fits', { ...signed(), secret: [] }],
    ['a changed body', { ...signed(), body: `${BODY} ` }],
    ['another id', withHeader('webhook-id', 'evt_2')],
    ['a signature of another version', withHeader('webhook-signature', 'v2,AAAA')],
    ['a signature that is no base64', withHeader('webhook-signature', 'v1,%%%')],
    ['an empty signature', withHeader('webhook-signature', 'v1,')],
    ['a missing header', withHeader('webhook-signature', undefined)],
    ['a timestamp that is none', withHeader('webhook-timestamp', 'now')],
    ['a request that is too old', signed(SECRET, new Date(Date.now() - 6 * 60_000))],
    ['a request from the future', signed(SECRET, new Date(Date.now() + 6 * 60_000))],
  ])('refuses %s', async (_name, options) => {
    await expect(verifyWebhook(options)).rejects.toMatchObject({ code: 'WEBHOOK_INVALID' });
  });

  test('takes an older request where the caller allows it', async () => {
    const options = signed(SECRET, new Date(Date.now() - 6 * 60_000));
    expect(await verifyWebhook({ ...options, toleranceMs: 10 * 60_000 })).toEqual(EVENT);
  });

  test.each(['', 'whsec_', 'not base64!'])('says that the secret %j is none', async (secret) => {
    await expect(verifyWebhook({ ...signed(), secret })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
