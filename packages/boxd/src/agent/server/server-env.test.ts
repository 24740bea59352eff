import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { agentPaths } from './paths.ts';
import { IMAGE_PROGRAMS } from './programs.ts';
import { canServe, serverEnv, shellEnvScript, type ServerEnvInput } from './server-env.ts';

const account = { name: 'user', uid: 1000, gid: 1000, home: '/home/user' };

function input(commandEnv: Record<string, string>): ServerEnvInput {
  const environment = {
    accounts: { root: account, desktop: account, user: account },
    stateDir: '/s',
    runDir: '/r',
    installDir: '/i',
    workspace: '/w',
    path: '/usr/bin:/bin',
  };
  return {
    commandEnv,
    account,
    path: environment.path,
    binDir: '/i/bin',
    paths: agentPaths(environment),
    programs: IMAGE_PROGRAMS,
    password: 'pass',
    runId: 'run-1',
  };
}

describe('the environment of the agent server', () => {
  test('holds the variables of the sandbox', () => {
    const env = serverEnv(input({ GREETING: 'hi', PATH: '/own/bin' }));
    expect(env).toMatchObject({
      GREETING: 'hi',
      PATH: '/own/bin:/i/bin',
      HOME: '/home/user',
      BANATA_SERVICE: 'agent',
    });
  });

  test('does not let them steer the server', () => {
    const env = serverEnv(
      input({
        OPENCODE_CONFIG_CONTENT: '{',
        OPENCODE_SERVER_PASSWORD: 'x',
        NODE_OPTIONS: '-r /x',
        HOME: '/x',
        BUN_OPTIONS: '1',
      }),
    );
    expect(env).not.toHaveProperty('OPENCODE_CONFIG_CONTENT');
    expect(env).not.toHaveProperty('NODE_OPTIONS');
    expect(env).not.toHaveProperty('BUN_OPTIONS');
    expect(env).toMatchObject({ OPENCODE_SERVER_PASSWORD: 'pass', HOME: '/home/user' });
  });

  test('keeps loopback and the listener for boxes out of a proxy', () => {
    const env = serverEnv(input({ HTTP_PROXY: 'http://proxy:1', NO_PROXY: 'intern.example, localhost' }));
    expect(env['NO_PROXY']).toBe('intern.example,localhost,127.0.0.1,::1,host.banata.internal');
    expect(env['no_proxy']).toBe(env['NO_PROXY']);
  });
});

describe('the script that commands start with', () => {
  function bash(commandEnv: Record<string, string>, command: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'banata-shell-env-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'env.sh');
    writeFileSync(file, shellEnvScript(input(commandEnv)));
    const env = { ...serverEnv(input(commandEnv)), BASH_ENV: file, PATH: '/usr/bin:/bin' };
    // With a socket as its input bash takes itself for a remote shell and leaves BASH_ENV alone.
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    return execFileSync('/bin/bash', ['-c', command], { env, encoding: 'utf8', stdio: [...stdio] });
  }

  test("takes the server's settings away and gives the sandbox's back, whatever they hold", () => {
    const hostile = `a'b"c $(echo no) \`echo no\` \\ \n end`;
    const given = { XDG_CONFIG_HOME: hostile, GREETING: 'hi' };
    const names =
      'printf "%s|" "$XDG_CONFIG_HOME" "$GREETING" "${OPENCODE_SERVER_PASSWORD-none}" "${TMPDIR-none}" "${BASH_ENV-none}"';
    expect(bash(given, names)).toBe(`${hostile}|hi|none|none|none|`);
  });

  test("runs the sandbox's own BASH_ENV", () => {
    const folder = mkdtempSync(join(tmpdir(), 'banata-shell-env-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const own = join(folder, 'own.sh');
    writeFileSync(own, 'OWN=ran\n');
    expect(bash({ BASH_ENV: own }, 'echo "$OWN $BASH_ENV"')).toBe(`ran ${own}\n`);
  });
});

describe('a server that runs before its sandbox is known', () => {
  const running = serverEnv(input({ LANG: 'C.UTF-8', OLD: 'old' }));

  test('gives its commands the variables of the sandbox, and takes its own away', () => {
    const folder = mkdtempSync(join(tmpdir(), 'banata-shell-env-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const script = join(folder, 'env.sh');
    const wanted = input({ LANG: 'C.UTF-8', GREETING: "it's $HOME\n", TMPDIR: '/own/tmp' });
    writeFileSync(script, shellEnvScript(wanted, running));
    const output = execFileSync(
      '/bin/bash',
      ['-c', 'printf "%s|%s|%s" "$GREETING" "${OLD-gone}" "$TMPDIR"'],
      {
        env: { ...running, BASH_ENV: script },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    expect(output.toString()).toBe("it's $HOME\n|gone|/own/tmp");
  });

  test.each([
    [{ GREETING: 'hi', OPENROUTER_API_KEY: 'token', NO_PROXY: 'host' }, true],
    [{ https_proxy: 'http://proxy' }, false],
    [{ HTTP_PROXY: 'http://proxy' }, false],
    [{ PATH: '/own/bin' }, false],
    [{ TZ: 'Asia/Tokyo' }, false],
    [{ NODE_EXTRA_CA_CERTS: '/own.pem' }, false],
    [{ 'no-shell-name': 'x' }, false],
  ])('serves a sandbox with %j: %s', (env, serves) => {
    expect(canServe(running, serverEnv(input({ LANG: 'C.UTF-8', OLD: 'old', ...env })))).toBe(serves);
  });
});
