import type { BoxExecResult } from '@banata/protocol/box';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxDirectory } from './index.ts';
import { startImageBox, type ImageBox } from './testing/image-box.ts';
import { imageLayers } from './testing/image-layers.ts';

const config = { sandboxId: 's1', runtime: 'base', env: { GREETING: 'hello' }, browser: null, agent: null };
let box: ImageBox;

beforeAll(async () => {
  box = await startImageBox({ layers: imageLayers(process.env), boxDirectory });
});

afterAll(async () => {
  await box?.close();
});

async function run(path: string, request: object): Promise<BoxExecResult> {
  const { status, body } = await box.send('POST', path, { timeoutMs: 60_000, ...request });
  expect({ status, body }).toMatchObject({ status: 200 });
  return body as unknown as BoxExecResult;
}

const exec = (command: string, more: object = {}): Promise<BoxExecResult> =>
  run('/exec', { command, ...more });

const health = async (): Promise<unknown> => await (await box.fetch('/health')).json();

/** Host process id of the first process of the box whose command line holds the text. */
async function findProcess(text: string): Promise<number | undefined> {
  for (const pid of await box.processes()) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (commandLine.includes(text)) return pid;
  }
  return undefined;
}

const daemon = (): Promise<number | undefined> => findProcess('boxd.cjs');

describe('the daemon in a box of the image', () => {
  test('runs commands as the image user, in a workspace of theirs', async () => {
    const result = await exec(
      'id -un; pwd; touch file; stat -c %U . file; which bun go node python3 opencode',
    );
    expect(result.stdout).toBe(
      'user\n/workspace\nuser\nuser\n/usr/local/bin/bun\n/usr/bin/go\n/usr/local/bin/node\n/usr/bin/python3\n/usr/local/bin/opencode\n',
    );
    expect((await exec('id -un; echo $HOME; echo $PATH', { user: 'root' })).stdout).toBe(
      'root\n/root\n/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n',
    );
  });

  test('keeps its secrets from the user', async () => {
    const result = await exec(
      'cat /run/banata/boxd.json; ls /var/lib/banata /run/boxd; cat /proc/1/environ; tr "\\0" "\\n" </proc/self/environ',
    );
    expect(result.stdout + result.stderr).not.toContain(box.token);
    expect(result.stderr.match(/denied/g)?.length).toBe(4);
  });

  test('ends a whole tree without the right to look into processes of others', async () => {
    const result = await exec('(setsid bash -c "(sleep 771; true) & sleep 772" &); sleep 773', {
      timeoutMs: 300,
    });
    expect(result).toMatchObject({ timedOut: true, exitCode: null });
    expect((await exec('ps axo args')).stdout).not.toMatch(/sleep 77/);
  });

  test.each([
    ['in one session', 'f() { f | f & }; f; sleep 60'],
    [
      'in sessions of their own',
      'f() { for i in 1 2; do setsid bash -c "$(declare -f f); f" & done; }; f; sleep 60',
    ],
  ])('a fork bomb %s ends with its command', async (_, command) => {
    expect(await exec(command, { timeoutMs: 1500 })).toMatchObject({ timedOut: true });
    // ps itself, awk, wc and their shell; a dead process stays listed until it is reaped.
    const living = `ps axo stat=,user= | awk '$1 !~ /^Z/ && $2 == "user"' | wc -l`;
    expect(await exec(living)).toMatchObject({ stdout: '4\n', stderr: '' });
  });

  test.each([
    [
      'javascript',
      'const fs = require("fs"); console.log(typeof fs.readFileSync, process.cwd())',
      'function /workspace\n',
    ],
    ['javascript', 'import { sep } from "node:path"; console.log(await Promise.resolve(sep))', '/\n'],
    ['typescript', 'interface A { x: number }\nconst a: A = { x: 2 };\nconsole.log(a.x)', '2\n'],
    [
      'typescript',
      'import { sep } from "node:path";\nconst s: string = await Promise.resolve(sep);\nconsole.log(s)',
      '/\n',
    ],
    ['python', 'import numpy, os\nprint(numpy.arange(3).sum(), os.getcwd())', '3 /workspace\n'],
    ['bash', 'echo $((1 + 1)); pwd', '2\n/workspace\n'],
    [
      'go',
      'package main\n\nimport ("fmt"; "os")\n\nfunc main() { d, _ := os.Getwd(); fmt.Println("go", d) }',
      'go /workspace\n',
    ],
  ])('runs %s: %j', async (language, code, stdout) => {
    expect(await run('/code', { language, code })).toMatchObject({ stdout, stderr: '', exitCode: 0 });
  });

  test('finds packages of the workspace', async () => {
    await exec('mkdir -p node_modules/greet && echo "module.exports = \'hi\'" > node_modules/greet/index.js');
    expect(
      (await run('/code', { language: 'javascript', code: 'console.log(require("greet"))' })).stdout,
    ).toBe('hi\n');
    const module = 'import greet from "greet"; console.log(greet)';
    expect((await run('/code', { language: 'javascript', code: module })).stdout).toBe('hi\n');
    expect((await exec('ls -A')).stdout).toBe('file\nnode_modules\n');
  });

  test('is configured once, and keeps the configuration over a crash', async () => {
    expect(await health()).toMatchObject({ ok: true, protocolVersion: 1, sandboxId: null });
    const first = await box.send('PUT', '/config', config);
    expect(first).toMatchObject({ status: 200, body: { sandboxId: 's1' } });
    expect(await box.send('PUT', '/config', config)).toMatchObject({ status: 200 });
    const other = await box.send('PUT', '/config', { ...config, sandboxId: 's2' });
    expect(other).toMatchObject({ status: 409, body: { code: 'ALREADY_CONFIGURED' } });
    expect((await exec('echo $GREETING')).stdout).toBe('hello\n');

    const { stdout } = await exec('sleep 881 & echo $!');
    const running = exec('sleep 882').catch(() => 'cut off');
    while (!(await exec('ps axo args')).stdout.includes('sleep 882')) await sleep(20);
    const pid = await daemon();
    expect(pid).toBeDefined();
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    expect(await running).toBe('cut off');
    for (;;) {
      const answer = await health().catch(() => undefined);
      if (answer) break;
      await sleep(20);
    }
    expect(await health()).toMatchObject({ sandboxId: 's1' });
    expect((await exec('echo $GREETING')).stdout).toBe('hello\n');
    // What was answered lives on; what was not is ended, as nobody waits for it any more.
    const { stdout: processes } = await exec('ps axo pid,args');
    expect(processes).toMatch(new RegExp(`^ *${stdout.trim()} sleep 881$`, 'm'));
    expect(processes).not.toContain('sleep 882');
  });

  test('runs both script languages with Bun when that is the runtime', async () => {
    const bun = await startImageBox({ layers: imageLayers(process.env), boxDirectory });
    try {
      await bun.send('PUT', '/config', { ...config, runtime: 'bun' });
      for (const language of ['javascript', 'typescript']) {
        const code = 'const v: string = Bun.version;\nconsole.log(typeof v, process.cwd(), await 1)';
        const text = language === 'javascript' ? code.replace(': string', '') : code;
        const { body } = await bun.send('POST', '/code', { language, code: text, timeoutMs: 20_000 });
        expect(body).toMatchObject({ stdout: 'string /workspace 1\n', exitCode: 0 });
      }
    } finally {
      await bun.close();
    }
  });

  test('leaves no zombies and stops when it is told to', async () => {
    await exec('for i in 1 2 3; do (setsid true &); done; sleep 0.2');
    expect((await exec('ps axo stat')).stdout).not.toMatch(/^Z/m);
    const tini = await findProcess('/usr/bin/tini');
    expect(tini).toBeDefined();
    if (tini !== undefined) process.kill(tini, 'SIGTERM');
    for (let waited = 0; waited < 5000 && (await box.processes()).length > 0; waited += 50) await sleep(50);
    expect(await box.processes()).toEqual([]);
  });
});
