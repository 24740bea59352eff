import type { BoxExecResult } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxDirectory } from '../index.ts';
import { testRuntimes } from '../testing/test-runtimes.ts';
import { startImageBox, type ImageBox } from '../testing/image-box.ts';
import { imageLayers } from '../testing/image-layers.ts';

const TIMEOUT_MS = 20_000;

describe.each(testRuntimes(process.env))('sudo in a box of the image (%s)', (runtime) => {
  let box: ImageBox;

  beforeAll(async () => {
    box = await startImageBox({ layers: imageLayers(process.env), boxDirectory, runtime });
    await box.send('PUT', '/config', {
      sandboxId: 's1',
      runtime: 'base',
      env: { SECRET: 'of-the-sandbox' },
      browser: null,
      agent: null,
    });
  });

  afterAll(async () => {
    await box?.close();
  });

  async function exec(command: string, more: object = {}): Promise<BoxExecResult> {
    const { status, body } = await box.send('POST', '/exec', { command, timeoutMs: TIMEOUT_MS, ...more });
    expect({ status, body }).toMatchObject({ status: 200 });
    return body as unknown as BoxExecResult;
  }

  const output = async (command: string): Promise<string> => (await exec(command)).stdout;
  const processes = (): Promise<string> => output('ps axo args');

  test('is on PATH, and runs as root with no rights beyond those of the box', async () => {
    expect(await output('command -v sudo; sudo id; id -u')).toBe(
      '/usr/local/bin/sudo\nuid=0(root) gid=0(root) groups=0(root)\n1000\n',
    );
    const own = await exec('grep -E "^(CapBnd|CapEff|NoNewPrivs)" /proc/self/status', { user: 'root' });
    const sudo = await output('sudo grep -E "^(CapBnd|CapEff|NoNewPrivs)" /proc/self/status');
    expect(sudo).toBe(own.stdout);
    expect(sudo).toContain('CapEff');
  });

  test('hands on exit codes and signals', async () => {
    expect(await exec('sudo sh -c "exit 7"')).toMatchObject({ exitCode: 7, stderr: '' });
    expect(await exec('sudo sh -c "kill -TERM \\$\\$"')).toMatchObject({ exitCode: null, signal: 'SIGTERM' });
    expect(await exec('sudo sh -c "kill -KILL \\$\\$"')).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(await exec('sudo no-such-program')).toMatchObject({
      exitCode: 1,
      stderr: 'sudo: no-such-program: command not found\n',
    });
    expect(await exec('sudo /etc')).toMatchObject({ exitCode: 1, stderr: 'sudo: /etc: Permission denied\n' });
    expect(await exec('sudo -g users id')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('the option -g is not supported in a sandbox'),
    });
  });

  test('hands on the streams themselves', async () => {
    expect(await output('head -c 3000000 /dev/zero | sudo cat | wc -c')).toBe('3000000\n');
    expect(await output('sudo sh -c "echo out; echo err >&2" 2>/dev/null')).toBe('out\n');
    expect(await output('echo kept | sudo tee /etc/kept >/dev/null; cat /etc/kept')).toBe('kept\n');
    expect(await exec('sudo cat', { stdin: 'from the caller' })).toMatchObject({ stdout: 'from the caller' });
    // A closed stream is none of the daemon's either.
    expect(await output('sudo sh -c "readlink /proc/self/fd/0" <&-')).toBe('/dev/null\n');
    expect(await output('sudo ls /proc/self/fd')).toBe('0\n1\n2\n3\n');
  });

  test('keeps directory, mask and what is asked for of the environment', async () => {
    expect(await output('mkdir -p /tmp/here && cd /tmp/here && umask 027 && sudo sh -c "pwd; umask"')).toBe(
      '/tmp/here\n0027\n',
    );
    expect(await output('cd /tmp/here && rmdir /tmp/here && sudo echo in a directory that is gone')).toBe(
      'in a directory that is gone\n',
    );
    expect(await output('sudo printenv SECRET; sudo printenv HOME SUDO_USER')).toBe('/root\nuser\n');
    expect(await output('sudo -E printenv SECRET; sudo A=b printenv A')).toBe('of-the-sandbox\nb\n');
    expect(await output('sudo -D /var sh -c pwd; sudo -i pwd; sudo -u desktop -i true >&2; echo $?')).toBe(
      '/var\n/root\n1\n',
    );
    expect(await output('sudo -u desktop id -un; sudo -nu "#900" id -gn; sudo -u user -- id -u')).toBe(
      'desktop\ndesktop\n1000\n',
    );
    expect(
      await output('sudo useradd -m extra && sudo usermod -aG users extra && sudo -u extra id -Gn'),
    ).toBe('extra users\n');
  });

  test('forwards Ctrl-C and what else is sent to it', async () => {
    const trap = `sudo bash -c 'trap "echo interrupted; exit 3" INT; echo ready; while :; do sleep 0.05; done'`;
    // A shell without job control starts background programs with SIGINT ignored.
    const command = `set -m; ${trap} & sleep 1.5; kill -INT $!; wait $!; echo $?`;
    expect(await output(command)).toBe('ready\ninterrupted\n3\n');
    expect(await exec('timeout 1 sudo sleep 661')).toMatchObject({ exitCode: 124 });
    expect(await processes()).not.toContain('sleep 661');
  });

  test('ends what it started when the command it belongs to is ended', async () => {
    expect(await exec('sudo sh -c "(setsid sleep 662 &); sleep 663"', { timeoutMs: 1500 })).toMatchObject({
      timedOut: true,
    });
    await gone('sleep 66');
    const { stdout } = await exec(
      'sudo sh -c "sleep 664 & echo started"; sleep 0.1; ps axo args | grep -c "^sleep 664"',
    );
    // A daemon that sudo started goes on when sudo ends as it should.
    expect(stdout).toBe('started\n1\n');
    await exec('sudo kill $(pgrep -f "^sleep 664")');
  });

  test('gives a program on a terminal a terminal', async () => {
    const onTerminal = (command: string): string => `script -qec ${JSON.stringify(command)} /dev/null`;
    // gVisor's /dev/tty cannot be written to.
    const toTerminal = runtime === 'runc' ? 'echo here >/dev/tty' : 'echo here';
    const shown = await output(
      onTerminal(`sudo sh -c 'tty; stty size; test -t 0 && echo input; ${toTerminal}'`),
    );
    expect(shown.replaceAll('\r', '')).toMatch(/^\/dev\/pts\/\d+\n\d+ \d+\ninput\nhere\n$/);
    expect(await exec(onTerminal('sudo sh -c "exit 5"'))).toMatchObject({ exitCode: 5 });
    // Ctrl-C is a byte there, which reaches the program and not sudo.
    const program = `import pathlib, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(9))
pathlib.Path('/tmp/waits').touch()
time.sleep(20)`;
    await exec(`cat >/tmp/waits.py`, { stdin: program });
    const typed = `until [ -e /tmp/waits ]; do sleep 0.1; done; printf '\\003'; sleep 2`;
    const { exitCode } = await exec(`(${typed}) | ${onTerminal('sudo python3 /tmp/waits.py')}`);
    // gVisor's terminals send the signal in raw mode, too: the second one may meet the program at its end.
    expect(runtime === 'runc' ? [9] : [9, 130]).toContain(exitCode);
  });

  test('serves nobody but the user, and many at a time', async () => {
    expect(await exec('sudo -u desktop sudo id')).toMatchObject({
      exitCode: 1,
      stderr: 'sudo: only the account "user" of a sandbox may use it\n',
    });
    expect(await output('sudo sudo id -u')).toBe('0\n');
    expect(await output('for i in $(seq 20); do sudo echo $i & done | sort -n | tail -1; wait')).toBe('20\n');
  });

  test('bears callers that talk nonsense or say nothing', async () => {
    const send = (data: string): string =>
      `python3 -c "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/boxd/sudo.sock'); s.sendall(${data}); print(s.recv(9999).decode())"`;
    expect(await output(send("b'hello\\n'"))).toContain('the request is not JSON');
    expect(await output(send("b'{}\\n'"))).toContain('has not the expected shape');
    const request = { argv: ['id'], env: {}, umask: 0, terminal: false };
    // Bytes in place of descriptors.
    const bare = `python3 -c "
import json, socket
s = socket.socket(socket.AF_UNIX); s.connect('/run/boxd/sudo.sock')
s.sendall(json.dumps(${JSON.stringify(request).replace('false', 'False').replaceAll('"', "'")}).encode() + b'\\n')
s.recv(99); s.sendall(b'x'); print(s.recv(999).decode())"`;
    expect(await output(bare)).toContain('"exitCode":1');
    await exec(`python3 -c "
import socket, time
all = [socket.socket(socket.AF_UNIX) for _ in range(200)]
for s in all: s.connect('/run/boxd/sudo.sock')
time.sleep(0.2)"`);
    expect(await output('sudo id -u')).toBe('0\n');
  });

  test('says so when the daemon ends, and works with the next one', async () => {
    const running = exec('sudo sleep 3; echo ended with $?').catch(() => 'cut off');
    await sleep(800);
    await exec('kill -KILL $(pgrep -f boxd.cjs)', { user: 'root' }).catch(() => undefined);
    expect(await running).toBe('cut off');
    for (let waited = 0; waited < 10_000; waited += 100) {
      const answer = await box.fetch('/health').catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) break;
      await sleep(100);
    }
    expect(await output('sudo id -u')).toBe('0\n');
  });

  async function gone(text: string): Promise<void> {
    for (let waited = 0; waited < 5000 && (await processes()).includes(text); waited += 50) await sleep(50);
    expect(await processes()).not.toContain(text);
  }
});
