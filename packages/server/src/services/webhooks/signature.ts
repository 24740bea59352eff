import { createHmac, randomBytes } from 'node:crypto';

/** 24 random bytes as 48 hex digits. */
export function newSigningSecret(): string {
  return randomBytes(24).toString('hex');
}

/**
 * Headers by which a receiver knows who sent a message and when, after the Standard Webhooks specification
 * (github.com/standard-webhooks/standard-webhooks, "Webhook metadata" and "Signature scheme"). As every library for it
 * does, the secret's text is taken as base64: hex digits are base64 too, so a secret works there as it is.
 * @param secrets the message is signed with each.
 * @param at seconds since the epoch.
 */
export function signatureHeaders(
  message: { id: string; body: string },
  secrets: readonly string[],
  at: number,
): Record<string, string> {
  const timestamp = String(Math.floor(at));
  const signed = `${message.id}.${timestamp}.${message.body}`;
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => `v1,${mac(secret, signed)}`).join(' '),
  };
}

function mac(secret: string, text: string): string {
  return createHmac('sha256', Buffer.from(secret, 'base64')).update(text).digest('base64');
}
