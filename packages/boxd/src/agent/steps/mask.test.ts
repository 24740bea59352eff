import { expect, test } from 'vitest';
import { SecretMask } from './mask.ts';

test('names secrets by their fields, each value once', () => {
  const mask = new SecretMask({ SHOP_TOKEN: 'tok-91823', HOME: '/home/user' });
  expect(mask.add('Card number *', '4111 1111')).toBe('{{card_number}}');
  expect(mask.add('Again', '4111 1111')).toBe('{{card_number}}');
  expect(mask.add('Card number', '4222')).toBe('{{card_number2}}');
  expect(mask.add('暗証番号', '123456')).toBe('{{secret}}');
  expect(mask.text('tok-91823 at /home/user')).toBe('{{shop_token}} at /home/user');
});

test('finds a secret however an address holds it', () => {
  const mask = SecretMask.of({ password: 'a b&c/d' });
  const once = encodeURIComponent('a b&c/d');
  const texts = ['a b&c/d', once, 'a+b%26c%2Fd', encodeURIComponent(once), encodeURIComponent('a+b%26c%2Fd')];
  for (const text of texts) expect(mask.text(`?x=${text}&y=1`)).toBe('?x={{password}}&y=1');
});

test('leaves nothing of a query once a secret was entered, whatever it is turned into there', () => {
  const mask = new SecretMask({ SHOP_TOKEN: 'tok-91823' });
  expect(mask.url('http://a/b?c=d#e')).toBe('http://a/b?c=d#e');
  mask.add('Password', 'hunter2');
  expect(mask.url(`http://a/hunter2?x=${btoa('hunter2')}`)).toBe('http://a/{{password}}');
});

test('leaves alone what is too short to be told from other text', () => {
  const mask = new SecretMask({});
  expect(mask.add('PIN', '12')).toBe('{{pin}}');
  expect(mask.text('12 apples')).toBe('12 apples');
});
