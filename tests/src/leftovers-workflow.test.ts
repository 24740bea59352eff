import { BanataSandbox } from '@banata-boxes/sdk';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const CYCLES = 20;

let installation: Installation;
let banata: BanataSandbox;

beforeAll(async () => {
  installation = await Installation.start({ BANATA_WARM: '0' });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
});

afterAll(() => installation?.remove());

function command(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}

/** Whether a process is in a cgroup of that name. One that has ended and waits for its parent holds nothing. */
function runsIn(pid: string, cgroup: string): boolean {
  try {
    const ended = /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return !ended && readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(cgroup);
  } catch {
    return false;
  }
}

/** What this installation holds on the host, counted. */
function holdings(): Record<string, number> {
  const id = installation.instanceId;
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const links = command('ip', '-o', 'link').split('\n');
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && runsIn(name, `banata-${id}`));
  return {
    'network namespaces': command('ip', 'netns')
      .split('\n')
      .filter((line) => line.includes(id)).length,
    links: links.filter((line) => line.includes(id)).length,
    mounts: mounts.filter((line) => line.includes(installation.home)).length,
    processes: processes.length,
    subvolumes: readdirSync(`${installation.home}/oci/pool/boxes`).length,
  };
}

/** Spare namespaces are made in the background: counts once they have come to rest. */
function settled(): Promise<Record<string, number>> {
  let before = '';
  let since = Date.now();
  return until('the host comes to rest', () => {
    const now = holdings();
    if (JSON.stringify(now) !== before) {
      before = JSON.stringify(now);
      since = Date.now();
    }
    return Promise.resolve(Date.now() - since > 1_500 ? now : undefined);
  });
}

test(`after ${CYCLES} sandboxes made and ended, the host holds what it held before`, async () => {
  await using first = await banata.launch();
  await first.exec('true');
  await first.kill();
  const before = await settled();
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    await using sandbox = await banata.launch();
    expect((await sandbox.exec('cat /etc/hostname; ls /workspace; echo x > /workspace/x')).exitCode).toBe(0);
    await sandbox.kill();
  }
  expect(await settled()).toEqual(before);
  expect(before['processes']).toBe(0);
});
