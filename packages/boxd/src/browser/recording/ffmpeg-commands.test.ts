import { expect, test } from 'vitest';
import { filmSize, segmentCommand } from './ffmpeg-commands.ts';

const SEGMENT = {
  display: ':1',
  screen: { width: 1280, height: 800 },
  film: { width: 1280, height: 800 },
  frameRate: 10,
  bitrateKbps: 1500,
  output: '/films/00000.mp4',
};

test('the sides of a film are even', () => {
  expect(filmSize({ width: 1281, height: 801 })).toEqual({ width: 1280, height: 800 });
});

test('a screen of another size than the film is fitted into it', () => {
  expect(segmentCommand(SEGMENT).join(' ')).not.toContain('scale=');
  const other = segmentCommand({ ...SEGMENT, screen: { width: 600, height: 900 } }).join(' ');
  expect(other).toContain('-video_size 600x900');
  expect(other).toContain('scale=1280:800:force_original_aspect_ratio=decrease,pad=1280:800');
});

test('one frame a second stays of a still screen, at any rate', () => {
  expect(segmentCommand(SEGMENT).join(' ')).toContain(':max=9,');
  expect(segmentCommand({ ...SEGMENT, frameRate: 1 }).join(' ')).not.toContain('mpdecimate');
});
