import type { Sandbox } from '@banata-boxes/sdk';
import { setTimeout as sleep } from 'node:timers/promises';
import { RfbViewer } from './rfb-viewer.ts';

const SPACE = 0x20;
const WHEEL_DOWN = 16;
const WHEEL_UP = 8;
const WHEEL_EVERY_MS = 16;
const SCROLL_MS = 5_000;
const TURN_EVERY_MS = 1_250;
/** A piece in the middle of the page, small enough that its pixels cost nothing. */
const PATCH = 16;
const SETTLE_MS = 500;
/** A key that changes nothing in this time was lost. */
const CHANGE_TIMEOUT_MS = 5_000;

/** Changes its colour at every key. */
export const COLOUR_PAGE = `<!doctype html><title>Colour</title><body style="margin:0;background:#fff">
<script>let on = false; addEventListener('keydown', () => {
  on = !on; document.body.style.background = on ? '#000' : '#fff'; });</script>`;

/** Long, with something different in each line. */
export const SCROLL_PAGE = `<!doctype html><title>Scroll</title><body style="font:16px sans-serif">
<script>for (let i = 0; i < 3000; i += 1) document.write('<p style="background:hsl(' + i * 7 % 360 + ' 60% 80%)">Line ' + i + ' of a long page with words in it</p>');</script>`;

export interface ScrollFigures {
  framesPerSecond: number;
  megabytesPerSecond: number;
}

/** Times from sending a key to the pixels that it changed, ms, each through server and filter. */
export async function measureInput(sandbox: Sandbox, url: string, runs: number): Promise<number[]> {
  const viewer = await open(sandbox, url);
  const x = Math.floor(viewer.width / 2);
  const y = Math.floor(viewer.height / 2);
  // Beside the pointer, which is drawn into the picture.
  const area = { x: x + 4 * PATCH, y, width: PATCH, height: PATCH };
  const times: number[] = [];
  try {
    viewer.pointer(x, y, 1);
    viewer.pointer(x, y, 0);
    // The page has taken the focus by then.
    await sleep(SETTLE_MS);
    viewer.request(area, false);
    let colour = (await viewer.update()).pixels?.[0];
    for (let run = 0; run < runs; run += 1) {
      // Apart by an odd time, so that keys do not fall in step with the frames.
      await sleep(97);
      viewer.request(area, true);
      const sentAt = performance.now();
      viewer.press(SPACE);
      colour = await otherColour(viewer, area, colour);
      times.push(performance.now() - sentAt);
    }
  } finally {
    viewer.close();
  }
  return times;
}

async function otherColour(
  viewer: RfbViewer,
  area: Parameters<RfbViewer['request']>[0],
  before: number | undefined,
): Promise<number | undefined> {
  const timer = setTimeout(() => viewer.close(), CHANGE_TIMEOUT_MS);
  try {
    for (;;) {
      const colour = (await viewer.update()).pixels?.[0];
      if (colour !== before) return colour;
      viewer.request(area, true);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Pictures that come while the wheel turns, asked for one after the other as noVNC does. */
export async function measureScroll(sandbox: Sandbox, url: string): Promise<ScrollFigures> {
  const viewer = await open(sandbox, url, { packed: true });
  const area = { x: 0, y: 0, width: viewer.width, height: viewer.height };
  const [x, y] = [Math.floor(viewer.width / 2), Math.floor(viewer.height / 2)];
  const began = performance.now();
  const turn = setInterval(() => {
    const up = Math.floor((performance.now() - began) / TURN_EVERY_MS) % 2 === 1;
    viewer.pointer(x, y, up ? WHEEL_UP : WHEEL_DOWN);
    viewer.pointer(x, y, 0);
  }, WHEEL_EVERY_MS);
  let frames = 0;
  let bytes = 0;
  try {
    viewer.request(area, false);
    while (performance.now() - began < SCROLL_MS) {
      bytes += (await viewer.update()).bytes;
      frames += 1;
      viewer.request(area, true);
    }
  } finally {
    clearInterval(turn);
    viewer.close();
  }
  const seconds = (performance.now() - began) / 1000;
  return {
    framesPerSecond: Math.round((frames / seconds) * 10) / 10,
    megabytesPerSecond: Math.round(bytes / seconds / 1e5) / 10,
  };
}

async function open(sandbox: Sandbox, url: string, options: { packed?: boolean } = {}): Promise<RfbViewer> {
  await sandbox.navigatePreview(url);
  const { wsUrl } = await sandbox.getPreview();
  if (wsUrl === null) throw new Error('The live view is switched off.');
  return RfbViewer.connect(wsUrl, options);
}
