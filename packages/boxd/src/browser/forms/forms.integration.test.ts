import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DETECTOR_PAGES } from '../detectors/testing/detector-pages.ts';
import { startDetectorRig, type DetectorRig } from '../detectors/testing/detector-rig.ts';
import type { BrowserBox } from '../../testing/browser-box.ts';
import { FORM_SCRIPT } from './form-script.ts';

let rig: DetectorRig;
let box: BrowserBox;
let origin: string;
let page: Page;

beforeAll(async () => {
  rig = await startDetectorRig();
  ({ box, origin, page } = rig);
}, 90_000);
afterAll(() => rig?.close());

const REQUEST = 'a'.repeat(32);
const give = (entries: object[], more: object = {}) =>
  box.box.send('PUT', `/browser/secrets/${REQUEST}`, {
    deliver: 'type',
    taskId: null,
    keepMs: 60_000,
    entries,
    ...more,
  });
const entry = (kind: string, value: string, more: object = {}) => ({
  name: 'it',
  label: 'It',
  kind,
  value,
  ...more,
});

/** What the script sees of the page, in a world of its own as the detectors have one. */
async function seen(): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId } = await session.send('Page.createIsolatedWorld', {
    frameId: frameTree.frame.id,
    worldName: 'test',
  });
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression: `${FORM_SCRIPT};banataForms.see(['login', 'otp', 'captcha'])`,
    contextId: executionContextId,
    returnByValue: true,
  });
  await session.detach();
  expect(exceptionDetails).toBeUndefined();
  const found = result.value as Record<string, string | null>;
  return Object.keys(found).filter((kind) => typeof found[kind] === 'string');
}

test.each(Object.entries(DETECTOR_PAGES))('%s shows what it shows', async (path, { sees }) => {
  await page.goto(origin + path);
  // The frames of widgets come from addresses that are not reached here.
  await expect.poll(seen, { timeout: 10_000 }).toEqual(sees);
});

test('values go into the fields of their kind, the ones that are named, and the one with the focus', async () => {
  await page.goto(`${origin}/login`);
  const both = [
    entry('text', 'ada@example.com', { selector: 'input[type=email]' }),
    entry('password', 'correct "horse" ключ'),
  ];
  expect(await give(both)).toMatchObject({ status: 200, body: { typed: 2 } });
  expect(await page.locator('[type=email]').inputValue()).toBe('ada@example.com');
  expect(await page.locator('[type=password]').inputValue()).toBe('correct "horse" ключ');
  // Once more replaces what stands there.
  await give([entry('password', 'another')]);
  expect(await page.locator('[type=password]').inputValue()).toBe('another');
  await page.goto(`${origin}/otp`);
  await give([entry('otp', '482913')]);
  expect(await page.locator('input').inputValue()).toBe('482913');
  await page.goto(`${origin}/search`);
  await page.locator('input').focus();
  await give([entry('text', 'plain words')]);
  expect(await page.locator('input').inputValue()).toBe('plain words');
});

test('a code goes into its boxes one by one', async () => {
  await page.goto(`${origin}/otp-split`);
  await page.evaluate(`for (const box of document.querySelectorAll('input'))
    box.addEventListener('input', () => box.nextElementSibling?.focus())`);
  await give([entry('otp', '135790')]);
  expect(
    await page.locator('input').evaluateAll((all) => all.map((box) => (box as { value?: string }).value)),
  ).toEqual(Array.from('135790'));
});

test('a page without such a field, and a selector that is none, are refused without the value', async () => {
  await page.goto(`${origin}/search`);
  for (const wrong of [
    entry('password', 'hunter2-canary'),
    entry('otp', 'hunter2-canary', { selector: '#nowhere' }),
    entry('text', 'hunter2-canary', { selector: 'input[' }),
  ]) {
    const { status, body } = await give([wrong]);
    expect([status, body['code']]).toEqual([409, 'FIELD_NOT_FOUND']);
    expect(JSON.stringify(body)).not.toContain('hunter2');
  }
  expect(await box.box.log()).not.toContain('hunter2');
});
