import { boxUsageSchema, type BoxExecResult, type BoxProcess } from '@banata/protocol/box';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startHostBox, type HostBox } from '../testing/host-box.ts';

const MIB = 1024 * 1024;
const KEPT = 2 * MIB;
/** The note at the end of a stream that was cut. */
const NOTE_BYTES = 200;
const LONG = 'head -c 10000000 /dev/zero | tr "\\0" x';

let box: HostBox;

beforeEach(async () => {
  box = await startHostBox();
  const { status } = await box.send('PUT', '/config', {
    sandboxId: 's1',
    runtime: 'base',
    env: {},
    browser: null,
    agent: null,
    limits: { cpus: 1, memoryBytes: 512 * MIB, pids: 256, diskBytes: 64 * MIB, outputBytes: KEPT },
  });
  expect(status).toBe(200);
});

afterEach(() => box.close());

async function exec(command: string, maxOutputBytes?: number): Promise<BoxExecResult> {
  const request = { command, cwd: box.environment.workspace, timeoutMs: 30_000, maxOutputBytes };
  const { status, body } = await box.send('POST', '/exec', request);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body as unknown as BoxExecResult;
}

test('of each stream of a command as much is kept as the size of the sandbox says', async () => {
  const result = await exec(`${LONG}; ${LONG} >&2; sleep 0.5; echo end`);
  expect(result.truncated).toBe(true);
  for (const file of [result.stdoutFile, result.stderrFile]) {
    const content = await readFile(file ?? '');
    expect(content.length).toBeGreaterThanOrEqual(KEPT);
    expect(content.length).toBeLessThan(KEPT + NOTE_BYTES);
    expect(content.subarray(-NOTE_BYTES).toString()).toContain('output beyond 2 MiB was discarded');
  }
});

test('a reply that could hold more says that there was more', async () => {
  const result = await exec(LONG, 8 * MIB);
  expect(result).toMatchObject({ truncated: true, stdoutFile: expect.any(String), stderrFile: null });
  expect(result.stdout).toHaveLength(KEPT);
  expect(await exec('echo short')).toMatchObject({ truncated: false, stdout: 'short\n', stdoutFile: null });
});

test('four streams of that length lie ready, and no more', async () => {
  const files: string[] = [];
  for (let round = 0; round < 6; round += 1) files.push((await exec(LONG)).stdoutFile ?? '');
  const names = await readdir(join(box.environment.stateDir, 'exec'));
  expect(names.map((name) => join(box.environment.stateDir, 'exec', name)).toSorted()).toEqual(
    files.slice(2),
  );
});

test('of a background process as much is kept, also for a daemon that is started anew', async () => {
  const { status, body } = await box.send('POST', '/processes', {
    command: `${LONG}; echo $$; exec sleep 300`,
    cwd: box.environment.workspace,
  });
  expect({ status, body }).toMatchObject({ status: 200 });
  const { id } = body as unknown as BoxProcess;
  const view = async (): Promise<BoxProcess> =>
    (await (await box.fetch(`/processes/${id}`)).json()) as BoxProcess;
  const cut = { status: 'running', truncated: true, stdoutBytes: KEPT };
  await expect.poll(view, { timeout: 30_000, interval: 100 }).toMatchObject(cut);
  await box.restart();
  expect(await view()).toMatchObject(cut);
  await box.send('POST', `/processes/${id}/signal`, { signal: 'SIGKILL' });
  await expect.poll(view, { timeout: 30_000, interval: 100 }).toMatchObject({ status: 'exited' });
});

test('the daemon says how much it is', async () => {
  const usage = boxUsageSchema.parse(await (await box.fetch('/limits')).json());
  expect(usage.outputBytes.limit).toBe(KEPT);
});
