import { describe, expect, it } from 'vitest';
import { completeUrl } from './complete-url.ts';
import { plainText } from './plain-text.ts';

describe('completeUrl', () => {
  it.each([
    [' example.com/a ', 'https://example.com/a'],
    ['http://example.com', 'http://example.com'],
    ['localhost:8000', 'http://localhost:8000'],
    ['127.0.0.1:8000/x', 'http://127.0.0.1:8000/x'],
    ['file:///etc/passwd', 'file:///etc/passwd'],
  ])('makes %j an address', (typed, url) => {
    expect(completeUrl(typed)).toBe(url);
  });
});

describe('plainText', () => {
  it('drops colours, cursor movements and titles', () => {
    const output = '\u001b[32mok\u001b[0m\r\n\u001b]0;title\u0007a\u001b[2K\u001b[1;5Hb\u001b(B';
    expect(plainText(output)).toBe('ok\nab\u001b(B');
  });

  it('keeps the end of what is too long', () => {
    const text = plainText(`${'x'.repeat(200_000)}end`);
    expect(text.length).toBeLessThan(100_010);
    expect(text.endsWith('end')).toBe(true);
  });
});
