import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import type { CliContext } from '../context.ts';
import { Output } from '../output.ts';
import { withInstallation } from './with-installation.ts';

function context(): CliContext {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  return {
    root: join(import.meta.dirname, '../../../..'),
    env: process.env,
    config: undefined as never,
    output: new Output({ stdout: nowhere, stderr: nowhere, json: false }),
    signal: AbortSignal.abort(),
  };
}

test('what a run that failed left is taken off the machine: processes, mounts, folders', async () => {
  let folder = '';
  const children: ReturnType<typeof spawn>[] = [];
  const start = (options: Parameters<typeof spawn>[2]): void => {
    children.push(spawn('sleep', ['4723'], { stdio: 'ignore', detached: true, ...options }));
  };
  const run = withInstallation(context(), 'test', (env) => {
    folder = env['BANATA_TEST_FOLDER'] ?? '';
    expect(folder).toMatch(new RegExp(`^/var/lib/banata-test-${process.pid}-`));
    const mount = join(env['TMPDIR'] ?? '', 'mounted');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', 'none', mount]);
    start({ env: { ...env, PATH: process.env['PATH'] } });
    start({ cwd: mount, env: { PATH: process.env['PATH'] } });
    return Promise.reject(new Error('the run broke'));
  });
  await expect(run).rejects.toThrow('the run broke');
  for (const child of children) {
    if (child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
  }
  expect(existsSync(folder)).toBe(false);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder);
});
