import { BanataSandbox, type BanataEvent, type Sandbox } from '@banata-boxes/sdk';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boxProcesses } from './support/box-processes.ts';
import { Installation } from './support/installation.ts';
import { frameOf, probeFilm } from './support/probe-film.ts';

/** A site with a login: its cookie ends with the browser, as those of many logins do. */
const SITE = `
require('node:http').createServer((request, response) => {
  const known = (request.headers.cookie || '').includes('login=ada');
  if (request.url === '/login') response.setHeader('set-cookie', 'login=ada; HttpOnly');
  response.setHeader('content-type', 'text/html');
  response.end('<title>' + (known ? 'Welcome back, Ada' : 'Please sign in') + '</title>');
}).listen(8123, '127.0.0.1');
`;
const ORIGIN = 'http://localhost:8123';

let installation: Installation;
let banata: BanataSandbox;

beforeAll(async () => {
  installation = await Installation.start();
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
});

afterAll(() => installation?.remove());

async function launch(browser: object): Promise<Sandbox> {
  const sandbox = await banata.launch({ capabilities: { browser } });
  await sandbox.fs.write('/tmp/site.js', SITE);
  await sandbox.process.start('node /tmp/site.js');
  await sandbox.exec('for i in $(seq 100); do curl -sf localhost:8123 >/dev/null && break; sleep 0.1; done');
  await sandbox.browser.start();
  return sandbox;
}

async function eventsOf(sandbox: Sandbox): Promise<BanataEvent[]> {
  const found: BanataEvent[] = [];
  for await (const event of sandbox.events({ signal: AbortSignal.timeout(20_000) })) found.push(event);
  return found;
}

test('a login survives its sandbox, and the film of it is an artifact', async () => {
  const browser = { persistentProfile: true, profileKey: 'shop', recording: { frameRate: 5 } };
  const first = await launch(browser);
  expect((await first.browser.navigate(`${ORIGIN}/`)).title).toBe('Please sign in');
  await first.browser.navigate(`${ORIGIN}/login`);
  const inUse = banata.launch({ capabilities: { browser } });
  await expect(inUse).rejects.toMatchObject({ status: 409, code: 'PROFILE_IN_USE' });
  await expect(banata.profiles.delete('shop')).rejects.toMatchObject({ code: 'PROFILE_IN_USE' });
  const saved = await first.profile.save();
  expect(saved).toMatchObject({ profileKey: 'shop', inUseBy: first.id });
  expect(saved.size).toBeGreaterThan(1_000);
  await expect(first.recording.start()).rejects.toMatchObject({ code: 'CONFLICT' });
  await first.kill();

  const { data } = await first.artifacts.list({ kind: 'recording' });
  expect(data).toMatchObject([{ kind: 'recording', contentType: 'video/mp4', source: null }]);
  const film = Buffer.from(await first.artifacts.download(data[0]!.key));
  expect(film.subarray(4, 8).toString()).toBe('ftyp');
  const events = await eventsOf(first);
  const types = events.map(({ type }) => type);
  expect(types).toContain('sandbox.recording.started');
  expect(types).toContain('sandbox.profile.saved');
  const stopped = events.find(({ type }) => type === 'sandbox.recording.stopped');
  expect(stopped?.data).toMatchObject({ artifactKey: data[0]!.key, reason: null });

  await using second = await launch({ persistentProfile: true, profileKey: 'shop' });
  expect((await second.browser.navigate(`${ORIGIN}/`)).title).toBe('Welcome back, Ada');
  await second.recording.start({ frameRate: 10, bitrateKbps: 800 });
  await second.browser.navigate(`${ORIGIN}/again`);
  const kept = await second.recording.stop();
  expect(kept.artifactKey).toBe(`recordings/${kept.recordingId}.mp4`);
  expect(await second.recording.list()).toEqual([]);
  await expect(second.recording.stop()).rejects.toMatchObject({ code: 'RECORDING_NOT_FOUND' });
  await second.kill();

  expect(await banata.profiles.list()).toMatchObject([{ profileKey: 'shop', inUseBy: null }]);
  expect(await banata.profiles.delete('shop')).toBe(true);
  expect(await banata.profiles.delete('shop')).toBe(false);
});

test('what is recorded is kept when the deadline ends the sandbox', async () => {
  const sandbox = await launch({ recording: true });
  await sandbox.setTimeout(3_000);
  const stopped = (await eventsOf(sandbox)).find(({ type }) => type === 'sandbox.recording.stopped');
  expect(stopped?.data).toMatchObject({
    artifactKey: expect.stringMatching(/^recordings\/[a-z0-9]{32}\.mp4$/) as string,
  });
});

test('when all programs of a sandbox are killed, its film can be played to the cut', async () => {
  const sandbox = await launch({ recording: { frameRate: 10 }, persistentProfile: true });
  await sandbox.browser.navigate(`${ORIGIN}/login`);
  const [running] = await sandbox.recording.list();
  await sleep(2_000);
  await sandbox.browser.navigate(`${ORIGIN}/`);
  await sleep(2_000);
  const cutAt = Date.now();
  for (const pid of boxProcesses(installation)) process.kill(pid, 'SIGKILL');
  const failed = async (): Promise<string> => (await banata.get(sandbox.id)).status;
  await expect.poll(failed, { timeout: 60_000 }).toBe('failed');

  const [kept] = (await sandbox.artifacts.list({ kind: 'recording' })).data;
  const bytes = await sandbox.artifacts.download(kept?.key ?? '');
  await using lab = await banata.launch();
  const film = await probeFilm(lab, bytes);
  expect(film).toMatchObject({ codec: 'h264', width: 1280, height: 800 });
  const recorded = (cutAt - (running?.startedAt ?? 0)) / 1000;
  expect(film.seconds).toBeGreaterThan(recorded - 4);
  expect(film.seconds).toBeLessThan(recorded + 4);
  // The picture just before the cut is one of the page.
  expect((await frameOf(lab, bytes, film.seconds - 1)).length).toBeGreaterThan(5_000);
  const events = await eventsOf(sandbox);
  const stopped = events.find(({ type }) => type === 'sandbox.recording.stopped');
  expect(stopped?.data).toMatchObject({ artifactKey: kept?.key });
  expect(events.map(({ type }) => type)).toContain('sandbox.profile.failed');
});

if (process.env['BANATA_TEST_ALL'] === '1')
  test('the film of a paired browser is kept, too, when all its programs are killed', async () => {
    const browser = { mode: 'paired-banata-browser', recording: true } as const;
    const sandbox = await banata.launch({ capabilities: { browser } });
    await sleep(3_000);
    for (const pid of boxProcesses(installation)) process.kill(pid, 'SIGKILL');
    const status = async (): Promise<string> => (await banata.get(sandbox.id)).status;
    await expect.poll(status, { timeout: 60_000 }).toBe('failed');
    const [kept] = (await sandbox.artifacts.list({ kind: 'recording' })).data;
    await using lab = await banata.launch();
    const film = await probeFilm(lab, await sandbox.artifacts.download(kept?.key ?? ''));
    expect(film.codec).toBe('h264');
    expect(film.seconds).toBeGreaterThan(1);
  });

test('recording and profile want a browser, and say so', async () => {
  for (const field of ['recording', 'persistentProfile']) {
    const capabilities = { browser: { mode: 'none' as const, [field]: true } };
    await expect(banata.launch({ capabilities })).rejects.toMatchObject({
      status: 400,
      code: 'INVALID_REQUEST',
    });
  }
  await using plain = await banata.launch();
  await expect(plain.recording.start()).rejects.toMatchObject({ code: 'BROWSER_NOT_ENABLED' });
  await expect(plain.profile.save()).rejects.toMatchObject({ code: 'PROFILE_NOT_FOUND' });
});
