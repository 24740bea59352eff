import { describe, expect, test } from 'vitest';
import { parseSudoArguments } from './sudo-arguments.ts';
import { planSudo, type SudoPlan } from './sudo-plan.ts';

const passwd =
  'root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000::/home/user:/bin/bash\nweb:x:33:34::/var/www:/bin/sh\n';
const env = {
  HOME: '/home/user',
  PATH: '/home/user/bin',
  TERM: 'xterm',
  SECRET: 's',
  LC_ALL: 'de',
  SHELL: '/bin/zsh',
};

function plan(argv: string[], more: Record<string, string> = {}): SudoPlan {
  return planSudo({
    request: { argv, env: { ...env, ...more }, umask: 0o002, terminal: false },
    call: parseSudoArguments(argv),
    passwd,
    base: { LANG: 'C.UTF-8' },
    path: '/usr/bin',
    caller: { name: 'user', uid: 1000, gid: 1000 },
  });
}

describe('planSudo', () => {
  test('gives a fresh environment with what is about language and terminal', () => {
    expect(plan(['env', '-0'])).toMatchObject({
      program: 'env',
      args: ['-0'],
      directory: null,
      umask: 0o022,
    });
    expect(plan(['env']).env).toEqual({
      LANG: 'C.UTF-8',
      TERM: 'xterm',
      LC_ALL: 'de',
      PATH: '/usr/bin',
      HOME: '/root',
      USER: 'root',
      LOGNAME: 'root',
      SHELL: '/bin/bash',
      SUDO_USER: 'user',
      SUDO_UID: '1000',
      SUDO_GID: '1000',
      SUDO_COMMAND: 'env',
    });
  });

  test('keeps the environment, or parts of it, on demand; never PATH', () => {
    expect(plan(['-E', 'env']).env).toMatchObject({ SECRET: 's', HOME: '/home/user', PATH: '/usr/bin' });
    expect(plan(['-EH', 'env']).env).toMatchObject({ SECRET: 's', HOME: '/root' });
    expect(plan(['--preserve-env=SECRET', 'env']).env).toMatchObject({ SECRET: 's', HOME: '/root' });
    expect(plan(['SECRET=t', 'PATH=/x', 'env']).env).toMatchObject({ SECRET: 't', PATH: '/x' });
  });

  test('runs logins and shells', () => {
    expect(plan(['-i'])).toMatchObject({ program: '/bin/bash', args: ['-l'], directory: '/root' });
    expect(plan(['-i', '-u', 'web', 'echo', 'a b', '$HOME'])).toMatchObject({
      program: '/bin/sh',
      args: ['-l', '-c', String.raw`echo a\ b $HOME`],
      directory: '/var/www',
      account: { name: 'web', uid: 33, gid: 34 },
    });
    expect(plan(['-s', 'echo', ';'])).toMatchObject({
      program: '/bin/zsh',
      args: ['-c', String.raw`echo \;`],
    });
    expect(plan(['-u', '#33', 'id']).account.name).toBe('web');
  });

  test.each([
    [['-u', 'nobody-here', 'id'], 'unknown user nobody-here'],
    [['-D', 'tmp', 'id'], '-D takes an absolute path'],
    [['echo', '\ud800'], 'must be UTF-8'],
    [['echo', 'a\0b'], 'must be UTF-8'],
  ])('%j is refused', (argv, message) => {
    expect(() => plan(argv)).toThrow(message);
  });
});
