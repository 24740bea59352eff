import { expect, test } from 'vitest';
import { CONTENT_TYPE, contentTypeOf } from './content-type.ts';

test.each([
  ['report.md', 'text/markdown'],
  ['report.pdf', 'application/pdf'],
  ['REPORT.DOCX', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['site.zip', 'application/zip'],
  ['all.tar.zst', 'application/zstd'],
  ['clip.mp4', 'video/mp4'],
  ['data.csv', 'text/csv; charset=utf-8'],
  ['no-ending', 'application/octet-stream'],
  ['odd.zzz', 'application/octet-stream'],
])('%s is %s', (name, type) => {
  expect(contentTypeOf(name)).toBe(type);
  expect(type).toMatch(CONTENT_TYPE);
});

test.each(['text/html\r\nx: y', 'text', '', 'text/html; charset="x"', 'a b/c'])('%j is no header', (type) => {
  expect(type).not.toMatch(CONTENT_TYPE);
});
