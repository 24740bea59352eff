import { expect, test } from 'vitest';
import { previewLabel } from './preview-host.ts';

const hosts = { previewHost: 'previews.test', apiHost: 'api.test' };

test.each([
  ['8080-abcdefghijklmnopqrst.previews.test', '8080-abcdefghijklmnopqrst'],
  ['8080-ABCDEFGHIJKLMNOPQRST.Previews.test:7070', '8080-abcdefghijklmnopqrst'],
  ['8080-abcdefghijklmnopqrst.previews.test.', '8080-abcdefghijklmnopqrst'],
  ['a.8080-abcdefghijklmnopqrst.previews.test', ''],
  ['other.previews.test', ''],
  ['.previews.test', ''],
  ['previews.test', undefined],
  ['notpreviews.test', undefined],
  ['api.test', undefined],
  ['127.0.0.1:7070', undefined],
  [undefined, undefined],
])('the host %s stands for %j', (host, expected) => {
  expect(previewLabel(host, hosts)).toBe(expected);
});

test('the API’s own host is never a preview, also below the previews’ host', () => {
  expect(previewLabel('api.test', { previewHost: 'test', apiHost: 'api.test' })).toBeUndefined();
});
