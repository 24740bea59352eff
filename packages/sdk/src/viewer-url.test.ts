import { expect, test } from 'vitest';
import { buildPreviewViewerUrl } from './viewer-url.ts';

test('carries session and token over to the viewer page of the app', () => {
  const url = buildPreviewViewerUrl(
    'ws://127.0.0.1:7070/v1/sandboxes/vnc?token=a.b%2B&session=s1&x=1',
    'https://boxes.example/',
  );
  expect(url).toBe('https://boxes.example/view?session=s1&token=a.b%2B');
});

test.each([null, undefined, '', 'no url', 'ws://127.0.0.1/v1/sandboxes/vnc'])(
  'answers null for %s',
  (connection) => {
    expect(buildPreviewViewerUrl(connection, 'http://127.0.0.1:7070')).toBeNull();
  },
);
