import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BrowserBox } from '../../testing/browser-box.ts';
import { startDetectorRig, type DetectorRig } from './testing/detector-rig.ts';

const WAIT_MS = 30_000;
/** Longer than three looks. */
const SILENCE_MS = 4_000;
const isLong = process.env['BANATA_TEST_ALL'] === '1';
/** What the script sees in each page is tested beside it, for all pages. */
const SILENT = isLong ? ['/search', '/newsletter', '/about-captcha', '/sign-up'] : ['/newsletter'];

let rig: DetectorRig;
let box: BrowserBox;
let origin: string;
let page: Page;

beforeAll(async () => {
  rig = await startDetectorRig({ detectors: ['login', 'otp', 'captcha'] });
  ({ box, origin, page } = rig);
}, 90_000);
afterAll(() => rig?.close());

const requests = () =>
  box.events.flatMap(({ body }) => (body.type === 'handoff.requested' ? [body.data] : []));

test('pages that are none of it ask for nobody; a sign-in form asks once, and says what and where', async () => {
  for (const path of SILENT) {
    await page.goto(origin + path);
    await sleep(SILENCE_MS);
  }
  expect(requests()).toEqual([]);
  await page.goto(`${origin}/login?session=abc#x`);
  await expect.poll(() => requests().length, { timeout: WAIT_MS }).toBe(1);
  expect(requests()[0]).toMatchObject({
    requestedBy: 'worker',
    reason: 'login_failed',
    detected: { detector: 'login', evidence: 'password field "Password"', url: `${origin}/login` },
  });
  expect(requests()[0]?.message).toContain(new URL(origin).host);
  await sleep(SILENCE_MS);
  expect(requests()).toHaveLength(1);
});

// The pause between two requests makes it long.
if (isLong)
  test('a page that never answers is left alone, and the next one is looked at', async () => {
    const before = requests().length;
    await page.goto(`${origin}/search`);
    // Not awaited: it does not come back.
    void page.evaluate('for (const end = Date.now() + 8000; Date.now() < end;);').catch(() => undefined);
    await sleep(1_000);
    await page.goto(`${origin}/otp`, { timeout: WAIT_MS });
    // After the pause that lies between two requests.
    await expect.poll(() => requests().length, { timeout: 2 * WAIT_MS }).toBe(before + 1);
    expect(requests().at(-1)).toMatchObject({ reason: 'mfa', detected: { detector: 'otp' } });
  }, 120_000);
