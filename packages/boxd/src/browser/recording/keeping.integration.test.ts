import { execFile } from 'node:child_process';
import { chmod, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BoxRecording } from '@banata/protocol/box';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxDirectory } from '../../index.ts';
import { startImageBox } from '../../testing/image-box.ts';
import type { ImageBox } from '../../testing/image-box.ts';
import { imageLayers } from '../../testing/image-layers.ts';
import { testRuntimes } from '../../testing/test-runtimes.ts';

const run = promisify(execFile);
const FIRST = 'a'.repeat(32);
const KILLED = 'b'.repeat(32);
const SHORT = 'c'.repeat(32);
const OPTIONS = { frameRate: 10, bitrateKbps: 2000 };
const CONFIG = {
  sandboxId: 'recording-test',
  runtime: 'base',
  env: {},
  browser: {
    viewport: { width: 800, height: 600 },
    persistentProfile: true,
    recording: { recordingId: FIRST, ...OPTIONS },
  },
  agent: null,
};

/** Leaves something in every place that a page has. */
const WRITE = `(async () => {
  document.cookie = 'login=ends-with-the-browser';
  document.cookie = 'kept=for-long; max-age=100000';
  localStorage.setItem('place', 'local storage');
  await new Promise((done) => {
    const request = indexedDB.open('base', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('things');
    request.onsuccess = () => {
      const change = request.result.transaction('things', 'readwrite');
      change.objectStore('things').put('indexed', 'place');
      change.oncomplete = () => done();
    };
  });
})()`;
const READ = `(async () => ({
  cookies: document.cookie.split('; ').sort(),
  local: localStorage.getItem('place'),
  indexed: await new Promise((done) => {
    const request = indexedDB.open('base', 1);
    request.onsuccess = () => {
      const read = request.result.transaction('things').objectStore('things').get('place');
      read.onsuccess = () => done(read.result);
    };
  }),
}))()`;

let directory: string;
let site: Server;
let siteUrl: string;
let box: ImageBox;

async function startBox(runtime: 'runc' | 'runsc'): Promise<ImageBox> {
  const boxDirectory = join(directory, 'box');
  return startImageBox({ layers: imageLayers(process.env), boxDirectory, pids: 1024, runtime });
}

async function configure(target: ImageBox, config: object): Promise<void> {
  expect(await target.send('PUT', '/config', config)).toMatchObject({ status: 200 });
  await whenReady(target);
}

async function whenReady(target: ImageBox): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const state = (await (await target.fetch('/browser')).json()) as { state: string };
    if (state.state === 'ready') return;
    if (tries > 400) throw new Error(`The browser did not come up: ${await target.log()}`);
    await sleep(100);
  }
}

const stop = async (recordingId: string): Promise<BoxRecording> =>
  (await box.send('POST', '/browser/recordings/stop', { recordingId })).body as unknown as BoxRecording;

/** The image's own tools: the machine that tests may have none. */
const inImage = (program: string, ...args: string[]) =>
  run('chroot', [box.root, program, '-v', 'error', ...args], { encoding: 'latin1' });

/** Fetches a film; answers where it lies and what ffprobe says of it. */
async function fetchFilm(recordingId: string): Promise<{ path: string; probed: Record<string, unknown> }> {
  const reply = await box.fetch(`/browser/recordings/content?recordingId=${recordingId}`);
  expect(reply.status).toBe(200);
  const path = `/tmp/${recordingId}.mp4`;
  await writeFile(join(box.root, path), Buffer.from(await reply.arrayBuffer()));
  const fields = 'stream=codec_name,width,height,pix_fmt:format=duration';
  const { stdout } = await inImage('ffprobe', '-show_entries', fields, '-of', 'json', path);
  const { streams, format } = JSON.parse(stdout) as {
    streams: Record<string, unknown>[];
    format: { duration: string };
  };
  return { path, probed: { ...streams[0], durationMs: Number(format.duration) * 1000 } };
}

/** Colour of the pixel in the middle of a film at a time, as `[r, g, b]`. */
async function colourAt(path: string, seconds: number): Promise<number[]> {
  // Seeking alone finds the next frame, and a still screen has one a second.
  const filter = `fps=10,trim=start=${seconds},crop=2:2:iw/2:ih*3/4,format=rgb24`;
  const frame = ['-i', path, '-frames:v', '1', '-vf', filter, '-f', 'rawvideo', '-'];
  return [...Buffer.from((await inImage('ffmpeg', ...frame)).stdout, 'latin1').subarray(0, 3)];
}

/** How long a recording has been running. */
async function secondsInto(recordingId: string): Promise<number> {
  const reply = (await (await box.fetch('/browser/recordings')).json()) as { recordings: BoxRecording[] };
  const { startedAt } = reply.recordings.find((recording) => recording.recordingId === recordingId)!;
  return (Date.now() - startedAt) / 1000;
}

/** Kills processes of the box by their command lines; the daemon that is asked to may be one of them. */
const kill = (pattern: string): Promise<unknown> =>
  box
    .send('POST', '/exec', { command: `pkill -KILL -f '${pattern}'`, user: 'root', timeoutMs: 10_000 })
    .catch(() => undefined);

const open = (colour: string) => box.send('POST', '/browser/navigate', { url: `${siteUrl}/${colour}` });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banata-recording-'));
  await chmod(directory, 0o755);
  await cp(boxDirectory, join(directory, 'box'), { recursive: true });
  site = createServer((request, response) => {
    const colour = request.url?.slice(1) || 'white';
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<title>${colour}</title><body style="background:${colour}">`);
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}, 90_000);

afterAll(async () => {
  site?.close();
  await rm(directory, { recursive: true, force: true });
});

describe.each(testRuntimes(process.env))('%s', (runtime) => {
  beforeAll(async () => {
    box = await startBox(runtime);
    await configure(box, CONFIG);
  }, 60_000);

  afterAll(() => box?.close());

  test('a recording survives a Chromium that ends and a screen that gets another size, as one film', async () => {
    await open('red');
    await sleep(3_500);
    // The film begins with its first frame, on a busy machine a second or two after the recording.
    const redAt = (await secondsInto(FIRST)) - 2.5;
    await kill('[r]emote-debugging-pipe');
    await sleep(500);
    await whenReady(box);
    await box.send('POST', '/browser/resize', { width: 600, height: 700 });
    await open('blue');
    await sleep(2_500);
    const done = await stop(FIRST);
    expect(done).toMatchObject({ state: 'stopped', reason: null });
    expect(await box.log()).toContain('Chromium ended: SIGKILL');
    const { path, probed } = await fetchFilm(FIRST);
    expect(probed).toMatchObject({ codec_name: 'h264', width: 800, height: 600, pix_fmt: 'yuv420p' });
    expect(probed['durationMs']).toBeGreaterThan(4_000);
    expect(Math.abs(Number(probed['durationMs']) - (done.durationMs ?? 0))).toBeLessThan(50);
    const [red, , blueBefore] = await colourAt(path, redAt);
    expect([red! > 200, blueBefore! < 60]).toEqual([true, true]);
    const [redAfter, , blue] = await colourAt(path, Number(probed['durationMs']) / 1000 - 1);
    expect([redAfter! < 60, blue! > 200]).toEqual([true, true]);
    // The same again answers the same, and a film that was removed is gone.
    expect(await stop(FIRST)).toEqual(done);
    await box.fetch(`/browser/recordings?recordingId=${FIRST}`, { method: 'DELETE' });
    expect((await box.fetch(`/browser/recordings/content?recordingId=${FIRST}`)).status).toBe(404);
  });

  test('a recording that is stopped at once has a frame', async () => {
    await box.send('POST', '/browser/recordings/start', { recordingId: SHORT, ...OPTIONS });
    expect(await stop(SHORT)).toMatchObject({ state: 'stopped', reason: null });
    expect((await fetchFilm(SHORT)).probed).toMatchObject({ codec_name: 'h264' });
  });

  test('after a kill of the daemon and of ffmpeg, the film is whole up to the cut and goes on', async () => {
    await box.send('POST', '/browser/recordings/start', { recordingId: KILLED, ...OPTIONS });
    const refused = await box.send('POST', '/browser/recordings/start', { recordingId: FIRST, ...OPTIONS });
    expect(refused).toMatchObject({ status: 409, body: { code: 'RECORDING_RUNNING' } });
    await open('lime');
    await sleep(3_500);
    const limeAt = (await secondsInto(KILLED)) - 2;
    await kill('lib/[b]oxd|^[f]fmpeg');
    await sleep(1_000);
    for (let tries = 0; !(await box.fetch('/health').catch(() => undefined))?.ok && tries < 200; tries += 1)
      await sleep(100);
    await whenReady(box);
    await sleep(2_000);
    const done = await stop(KILLED);
    expect(done).toMatchObject({ state: 'stopped', reason: null });
    expect(await box.log()).toContain('boxd.restarted');
    const { path, probed } = await fetchFilm(KILLED);
    expect(probed).toMatchObject({ codec_name: 'h264' });
    expect(probed['durationMs']).toBeGreaterThan(4_000);
    expect((await colourAt(path, limeAt))[1]).toBeGreaterThan(200);
  });

  test('cookies, local storage and IndexedDB of one box are there in another', async () => {
    const connect = (target: ImageBox) =>
      chromium.connectOverCDP(`${target.url.replace('http:', 'ws:')}/browser/cdp`, {
        headers: { authorization: `Bearer ${target.token}` },
      });
    const first = await connect(box);
    const page = await first.contexts()[0]!.newPage();
    await page.goto(siteUrl);
    await page.evaluate(WRITE);
    await first.close();
    const onDemand = await box.fetch('/browser/profile');
    expect(onDemand.status).toBe(200);
    expect((await onDemand.arrayBuffer()).byteLength).toBeGreaterThan(1_000);
    await whenReady(box);
    const atEnd = Buffer.from(await (await box.fetch('/browser/profile?close=true')).arrayBuffer());
    await using other = { box: await startBox(runtime), [Symbol.asyncDispose]: () => other.box.close() };
    const loaded = await other.box.fetch('/browser/profile', { method: 'PUT', body: atEnd });
    expect(loaded.status).toBe(200);
    await configure(other.box, { ...CONFIG, browser: { ...CONFIG.browser, recording: undefined } });
    const second = await connect(other.box);
    const later = await second.contexts()[0]!.newPage();
    await later.goto(siteUrl);
    const found = await later.evaluate(READ);
    expect(found).toEqual({
      cookies: ['kept=for-long', 'login=ends-with-the-browser'],
      local: 'local storage',
      indexed: 'indexed',
    });
    const late = await other.box.fetch('/browser/profile', { method: 'PUT', body: atEnd });
    expect(late.status).toBe(409);
    await second.close();
  });
});
