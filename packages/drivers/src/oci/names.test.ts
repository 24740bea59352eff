import { expect, test } from 'vitest';

import { hostNames, slotOfName } from './names.ts';

test('keeps interface names within the 15 characters that the kernel allows', () => {
  const names = hostNames('ab12cd');
  expect(names.link(511)).toBe('bnab12cdh511');
  expect(
    [names.link(9_999), names.serviceLink, `${names.serviceLink}x`].every((name) => name.length <= 15),
  ).toBe(true);
});

test.each(['', 'abc', 'ABCDEF', 'abcdefg', 'abc-ef', 'abcde\n'])('refuses the instance id "%s"', (id) => {
  expect(() => hostNames(id)).toThrow(/six lowercase letters or digits/);
});

test('reads the slot out of a name, and out of no other', () => {
  const names = hostNames('ab12cd');
  const { netnsPrefix } = names;
  expect(slotOfName(names.netns(42), netnsPrefix)).toBe(42);
  expect(slotOfName('bn-ab12ce-42', netnsPrefix)).toBeUndefined();
  expect(slotOfName(`${netnsPrefix}4x`, netnsPrefix)).toBeUndefined();
  expect(slotOfName(netnsPrefix, netnsPrefix)).toBeUndefined();
});
