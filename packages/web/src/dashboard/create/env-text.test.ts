import { expect, it } from 'vitest';
import { parseEnv } from './env-text.ts';

it('reads lines as an .env file has them', () => {
  const text = '\n# model\nA=1\nexport B = "two words"\n  C=x=y  \r\nD=\nE=\'q"\'\n';
  expect(parseEnv(text)).toEqual({ ok: true, env: { A: '1', B: 'two words', C: 'x=y', D: '', E: 'q"' } });
  expect(parseEnv('')).toEqual({ ok: true, env: {} });
});

it.each(['novalue', '=x', '1A=x', 'A B=x'])('names the line of %j', (line) => {
  expect(parseEnv(`A=1\n${line}`)).toEqual({ ok: false, error: 'Line 2 is not NAME=value' });
});
