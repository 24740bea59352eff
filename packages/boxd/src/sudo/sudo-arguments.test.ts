import { describe, expect, test } from 'vitest';
import { parseSudoArguments } from './sudo-arguments.ts';

describe('parseSudoArguments', () => {
  test.each([
    [['id'], { user: 'root', command: ['id'] }],
    [['-n', '-E', 'id', '-u'], { preserve: true, command: ['id', '-u'] }],
    [['-nEH', 'id'], { preserve: true, setHome: true, command: ['id'] }],
    [['-u', 'desktop', 'id'], { user: 'desktop', command: ['id'] }],
    [['-nudesktop', 'id'], { user: 'desktop', command: ['id'] }],
    [['--user=desktop', '--', '-x'], { user: 'desktop', command: ['-x'] }],
    [['A=1', 'B=x=y', 'env', 'C=2'], { assignments: { A: '1', B: 'x=y' }, command: ['env', 'C=2'] }],
    [['--preserve-env=A,B', 'env'], { preserve: ['A', 'B'], command: ['env'] }],
    [['-i'], { login: true, command: [] }],
    [['-s', 'echo', 'hi'], { shell: true, command: ['echo', 'hi'] }],
    [['-D', '/tmp', 'pwd'], { directory: '/tmp', command: ['pwd'] }],
    [['-p', 'Password', '-S', 'id'], { command: ['id'] }],
    [['-k'], { kind: 'nothing' }],
    [['-k', 'id'], { kind: 'run', command: ['id'] }],
    [['-v'], { kind: 'nothing' }],
    [['-V'], { kind: 'version' }],
    [['-l'], { kind: 'list' }],
  ])('%j', (argv, expected) => {
    expect(parseSudoArguments(argv)).toMatchObject(expected);
  });

  test.each([
    [['-g', 'users', 'id'], 'the option -g is not supported'],
    [['--edit', 'file'], 'the option --edit is not supported'],
    [['-nb', 'id'], 'the option -b is not supported'],
    [['-u'], 'the option -u needs a value'],
    [['--login=yes'], '--login takes no value'],
    [['-i', '-s'], '-i and -s exclude each other'],
    [[], 'say which command to run'],
    [['A=1'], 'say which command to run'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseSudoArguments(argv)).toThrow(message);
  });
});
