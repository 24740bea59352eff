import { expect, test } from 'vitest';
import { parsePasswd, readAccounts } from './accounts.ts';

test('parsePasswd takes accounts and leaves other lines out', () => {
  const text =
    'root:x:0:0:root:/root:/bin/bash\n# comment\n\nbad:x:y:0::/:/bin/sh\nuser:x:1000:1001::/home/user:/bin/bash\n';
  expect(parsePasswd(text)).toEqual([
    { name: 'root', uid: 0, gid: 0, home: '/root' },
    { name: 'user', uid: 1000, gid: 1001, home: '/home/user' },
  ]);
});

test('readAccounts says which account an image lacks', () => {
  expect(() => readAccounts('/dev/null')).toThrow('/dev/null has no account root');
});
