import { expect, test } from 'vitest';
import { Passwords } from './passwords.ts';

test('a hash fits its password only, and is another one each time', async () => {
  const passwords = new Passwords();
  const [one, two] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')]);
  expect(one).not.toBe(two);
  expect(one).toMatch(/^scrypt\$32768\$8\$3\$/);
  expect(await passwords.matches('correct horse', one)).toBe(true);
  expect(await passwords.matches('correct horsf', one)).toBe(false);
  expect(await passwords.matches('', null)).toBe(false);
});

test('one way of writing a character is as good as another', async () => {
  const passwords = new Passwords();
  expect(await passwords.matches('cafe\u0301 au lait', await passwords.hash('caf\u00e9 au lait'))).toBe(true);
});

test('a flood is refused instead of queued without end', async () => {
  const passwords = new Passwords();
  const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => passwords.matches('x', null)));
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  expect(refused.length).toBe(6);
  expect(refused[0]).toMatchObject({ reason: { code: 'SIGN_IN_BLOCKED' } });
  expect(await passwords.matches('x', null)).toBe(false);
}, 30_000);
