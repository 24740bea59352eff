import { setTimeout as sleep } from 'node:timers/promises';
import type { BoxSecret } from '@banata/protocol/box';
import { z } from 'zod';
import { BoxError } from '../../http/route.ts';
import type { LiveBrowser } from '../desktop.ts';
import { keyOf } from '../steps/keys.ts';
import { FormWorld } from './form-world.ts';

/** A page that moves the focus to the next box of a code does it by then. */
const BETWEEN_KEYS_MS = 20;

const holdSchema = z.enum(['selector', 'missing', 'characters', 'text']);

/**
 * Types what a person entered into the page in front, each value into the field it belongs in.
 * @throws BoxError 409 FIELD_NOT_FOUND that names the field, never its value.
 */
export async function typeSecrets(live: LiveBrowser, entries: readonly BoxSecret[]): Promise<void> {
  const page = await live.pages.front();
  if (!page)
    throw new BoxError(503, 'BROWSER_RESTARTING', 'The browser has no page open. Try again in a second.');
  await live.pages.withSession(page.targetId, async (sessionId) => {
    const world = new FormWorld({ broker: live.broker, sessionId, targetId: page.targetId });
    for (const entry of entries) await typeOne(world, entry);
  });
}

async function typeOne(world: FormWorld, { label, kind, selector, value }: BoxSecret): Promise<void> {
  const how = await world.ask(holdSchema, 'hold', kind, selector ?? null);
  const refuse = (reason: string): never => {
    throw new BoxError(409, 'FIELD_NOT_FOUND', `"${label}": ${reason}`);
  };
  if (how === 'selector') return refuse('the selector of the request is not valid.');
  if (how === 'missing') return refuse(missing(kind, selector));
  if (how === 'characters') return typeKeys(world, value);
  await world.call('Input.insertText', { text: value });
  // A page may reformat what it gets, so only nothing at all is a failure.
  if ((await world.ask(z.number(), 'length')) === 0) return refuse('the field took nothing.');
}

/** For a code whose characters have a box each. */
async function typeKeys(world: FormWorld, value: string): Promise<void> {
  for (const character of value) {
    const key = keyOf(character);
    if (key === undefined) continue;
    const { text: _text, ...released } = key;
    await world.call('Input.dispatchKeyEvent', { type: 'keyDown', ...key });
    await world.call('Input.dispatchKeyEvent', { type: 'keyUp', ...released });
    await sleep(BETWEEN_KEYS_MS);
  }
}

function missing(kind: BoxSecret['kind'], selector: string | undefined): string {
  if (selector !== undefined) return 'no field that shows fits the selector of the request.';
  if (kind === 'password')
    return 'the page does not show exactly one password field; click the right one in the live browser.';
  if (kind === 'otp')
    return 'the page does not show exactly one field for a code; click the right one in the live browser.';
  return 'nothing in the page has the focus; click the field in the live browser.';
}
