import { describe, expect, it } from 'vitest';
import { parseViewerLink } from './viewer-link.ts';
import { viewStateUrl, vncUrl } from './view-urls.ts';

describe('parseViewerLink', () => {
  it('reads session and token', () => {
    expect(parseViewerLink('http://h/view?session=abc&token=x.y')).toEqual({ session: 'abc', token: 'x.y' });
    expect(parseViewerLink('http://h/view?token=x')).toEqual({ session: null, token: 'x' });
  });

  it('takes a link without a token as incomplete', () => {
    expect(parseViewerLink('http://h/view?session=abc')).toBeNull();
    expect(parseViewerLink('http://h/view?session=abc&token=')).toBeNull();
  });
});

describe('URLs of a link', () => {
  it('encodes the token and matches the scheme of the page', () => {
    expect(viewStateUrl({ token: 'a+b&c', viewer: 'v' }, 'http://h:1')).toBe(
      'http://h:1/v1/sandboxes/browser-preview/view?token=a%2Bb%26c&viewer=v',
    );
    expect(vncUrl({ token: 't', viewer: 'v' }, 'http://h:1')).toBe(
      'ws://h:1/v1/sandboxes/vnc?token=t&viewer=v',
    );
    expect(vncUrl({ token: 't', viewer: 'v' }, 'https://h')).toBe(
      'wss://h/v1/sandboxes/vnc?token=t&viewer=v',
    );
  });
});
