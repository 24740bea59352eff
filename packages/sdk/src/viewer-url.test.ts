import { expect, test } from 'vitest';
import { buildPreviewViewerUrl } from './viewer-url.ts';

test('carries session and token over to the viewer page of the app', () => {
  const url = buildPreviewViewerUrl(
    'ws://127.0.0.1:7070/v1/sandboxes/vnc?token=a.b%2B&session=s1&x=1',
    'https://boxes.example/',
  );
  expect(url).toBe('https://boxes.example/view?session=s1&token=a.b%2B');
});

test.each([
  [
    'ws://127.0.0.1:7070/v1/sandboxes/vnc?session=s1&token=a',
    'http://127.0.0.1:7070/view?session=s1&token=a',
  ],
  ['wss://boxes.example/v1/sandboxes/vnc?token=a', 'https://boxes.example/view?token=a'],
  ['https://boxes.example/view?token=a', 'https://boxes.example/view?token=a'],
])('without an app the page of %s is at its own server', (connection, page) => {
  expect(buildPreviewViewerUrl(connection)).toBe(page);
});

test.each([null, undefined, '', 'no url', 'ws://127.0.0.1/v1/sandboxes/vnc'])(
  'answers null for %s',
  (connection) => {
    expect(buildPreviewViewerUrl(connection, 'http://127.0.0.1:7070')).toBeNull();
    expect(buildPreviewViewerUrl(connection)).toBeNull();
  },
);
