import { BanataError } from './error.ts';
import type { WebhookEvent } from './types.ts';

/** What {@link verifyWebhook} looks at. */
export interface VerifyWebhookOptions {
  /** The body exactly as it arrived: parsing it and writing it again breaks the signature. */
  body: string | Uint8Array;
  /** Headers of the request: those of `fetch`, or an object such as Node’s `request.headers`. */
  headers: Headers | Record<string, string | string[] | undefined>;
  /** The webhook’s signing secret, or several while they are being changed. */
  secret: string | readonly string[];
  /** How far the clocks may differ, and how old a request may be, ms. Default 300,000. */
  toleranceMs?: number;
}

const DEFAULT_TOLERANCE_MS = 5 * 60_000;
const encoder = new TextEncoder();

/**
 * Checks that a request comes from the webhook whose secret you hold, is whole and is fresh, after the Standard
 * Webhooks specification. Deliveries can come more than once: keep the `id` of those that are done.
 * @returns the event.
 * @throws BanataError `WEBHOOK_INVALID`; answer such a request with 400.
 * @example
 * ```ts
 * const event = await verifyWebhook({ body: await request.text(), headers: request.headers, secret });
 * if (event.type === 'sandbox.agent.task.completed') console.log(event.data.metadata, event.data.resultText);
 * ```
 */
export async function verifyWebhook(options: VerifyWebhookOptions): Promise<WebhookEvent> {
  const id = header(options.headers, 'webhook-id');
  const timestamp = header(options.headers, 'webhook-timestamp');
  checkAge(timestamp, options.toleranceMs ?? DEFAULT_TOLERANCE_MS);
  const body = typeof options.body === 'string' ? encoder.encode(options.body) : options.body;
  const prefix = encoder.encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(prefix.length + body.length);
  signed.set(prefix);
  signed.set(body, prefix.length);
  const signatures = signaturesOf(header(options.headers, 'webhook-signature'));
  const secrets = typeof options.secret === 'string' ? [options.secret] : options.secret;
  if (!(await anyMatches(secrets, signatures, signed))) throw invalid('no signature of the request fits');
  try {
    return JSON.parse(new TextDecoder().decode(body)) as WebhookEvent;
  } catch (cause) {
    throw invalid('the body is not JSON', cause);
  }
}

function header(headers: VerifyWebhookOptions['headers'], name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : find(headers, name);
  if (typeof value !== 'string' || value === '') throw invalid(`the header ${name} is missing`);
  return value;
}

function find(headers: Record<string, string | string[] | undefined>, name: string): string | undefined {
  const value = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return Array.isArray(value) ? value[0] : value;
}

function checkAge(timestamp: string, toleranceMs: number): void {
  const sentAt = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) * 1000 : Number.NaN;
  if (Number.isNaN(sentAt)) throw invalid('the header webhook-timestamp is no number of seconds');
  if (Math.abs(Date.now() - sentAt) > toleranceMs) {
    throw invalid(`the request is not from within ${toleranceMs} ms of now`);
  }
}

/** Signatures of the version that is known here: HMAC-SHA256. */
function signaturesOf(text: string): Uint8Array<ArrayBuffer>[] {
  return text
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .map((part) => fromBase64(part.slice('v1,'.length)))
    .filter((bytes) => bytes !== undefined);
}

async function anyMatches(
  secrets: readonly string[],
  signatures: readonly Uint8Array<ArrayBuffer>[],
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  for (const secret of secrets) {
    const bytes = fromBase64(secret.replace(/^whsec_/, ''));
    if (!bytes || bytes.length === 0) {
      throw new BanataError({
        status: 0,
        code: 'INVALID_ARGUMENT',
        message: 'The signing secret is not the 48 hex digits that creating the webhook answered',
        suggestion: 'Give the secret as it was answered, or rotate it for a new one.',
      });
    }
    const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, [
      'verify',
    ]);
    for (const signature of signatures) {
      // Compares in constant time.
      if (await crypto.subtle.verify('HMAC', key, signature, signed)) return true;
    }
  }
  return false;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function invalid(reason: string, cause?: unknown): BanataError {
  return new BanataError({
    status: 0,
    code: 'WEBHOOK_INVALID',
    message: `This is no request of the webhook: ${reason}`,
    suggestion:
      'Answer it with 400. If it should be right, check that the body is unchanged and the secret is this webhook’s.',
    cause,
  });
}
