import { expect, it } from 'vitest';
import { pageName } from './page-name.ts';

it.each([
  [null, { title: 'Live browser', host: null }],
  [
    { url: null, title: null },
    { title: 'Live browser', host: null },
  ],
  [
    { url: 'about:blank', title: ' ' },
    { title: 'Live browser', host: null },
  ],
  [
    { url: 'https://a.example/x', title: null },
    { title: 'a.example', host: 'a.example' },
  ],
  [
    { url: 'http://127.0.0.1:8000/', title: 'Report' },
    { title: 'Report', host: '127.0.0.1:8000' },
  ],
  [
    { url: 'file:///tmp/a.html', title: null },
    { title: 'file:///tmp/a.html', host: null },
  ],
  [
    { url: 'not a url', title: null },
    { title: 'not a url', host: null },
  ],
])('names %j', (page, name) => {
  expect(pageName(page)).toEqual(name);
});
