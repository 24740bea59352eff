import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

/** What the scripts answer where all of it worked. */
export const PLAYWRIGHT_ANSWER = ['You sent größe & wert', 'Second', 'Second', 'PNG'];
export const PUPPETEER_ANSWER = ['You sent harbour', 'Second', 'PNG'];

/** A script as anyone would write it for a browser of their own. */
export async function playwrightScript(endpoint: string, origin: string): Promise<string[]> {
  const browser = await chromium.connectOverCDP(endpoint);
  const [context] = browser.contexts();
  const page = context!.pages()[0]!;
  await page.goto(`${origin}/form`);
  await page.fill('input', 'größe & wert');
  await page.getByRole('button').click();
  await page.locator('output').filter({ hasText: 'You sent' }).waitFor();
  const answer = await page.locator('output').innerText();
  const [popup] = await Promise.all([context!.waitForEvent('page'), page.click('a')]);
  await popup.waitForLoadState();
  const own = await browser.newContext();
  const apart = await own.newPage();
  await apart.goto(`${origin}/second`);
  const titles = [await popup.title(), await apart.title()];
  await own.close();
  await popup.close();
  const picture = await page.screenshot();
  await browser.close();
  return [answer, ...titles, picture.subarray(1, 4).toString()];
}

export async function puppeteerScript(endpoint: string, origin: string): Promise<string[]> {
  const browser = await puppeteer.connect({ browserWSEndpoint: endpoint });
  const [page] = await browser.pages();
  await page!.goto(`${origin}/form`);
  await page!.type('input', 'harbour');
  await page!.click('button');
  await page!.waitForFunction(() => document.querySelector('output')?.textContent !== '');
  const answer = await page!.$eval('output', (output) => output.textContent ?? '');
  const second = await browser.newPage();
  await second.goto(`${origin}/second`);
  const title = await second.title();
  await second.close();
  const picture = await page!.screenshot();
  await browser.disconnect();
  return [answer, title, Buffer.from(picture).subarray(1, 4).toString()];
}

/** The addresses that `/json/version` and `/json/list` name behind a CDP URL. */
export async function endpointsOf(cdpUrl: string): Promise<{ version: string; pages: string[] }> {
  const ask = async (what: string): Promise<unknown> => {
    const url = new URL(cdpUrl.replace(/^ws/, 'http'));
    url.pathname += `/json/${what}`;
    return (await fetch(url)).json();
  };
  const version = (await ask('version')) as { webSocketDebuggerUrl: string };
  const pages = (await ask('list')) as { webSocketDebuggerUrl: string }[];
  return {
    version: version.webSocketDebuggerUrl,
    pages: pages.map((page) => page.webSocketDebuggerUrl),
  };
}
