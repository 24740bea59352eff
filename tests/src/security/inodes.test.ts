import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Installation } from '../support/installation.ts';
import { until } from '../support/until.ts';
import { securityCase } from './support/case.ts';
import { testedIsolation } from './support/isolation.ts';

const MINUTE = 60_000;
const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const run = promisify(execFile);

/** The whole size only where all tests are asked for, and in one isolation: what is looked for does not depend on it. */
const whole = process.env['BANATA_TEST_ALL'] === '1' && testedIsolation() === 'container';
const SMALL_MIB = testedIsolation() === 'container' ? 256 : 128;
const DISK_MIB = whole ? 1024 : SMALL_MIB;
const FILL_LIMIT_MS = 9 * MINUTE;
/** What the host may lose beside the limit: the pool's own growth, and what the server and the database write meanwhile. */
const HOST_OTHER_MIB = 300;

let installation: Installation;
let banata: BanataSandbox;
let flooded: Sandbox;
let neighbour: Sandbox;

beforeAll(async () => {
  installation = await Installation.start({
    BANATA_SANDBOX_DISK_GIB: String(DISK_MIB / 1024),
    BANATA_WARM: '0',
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  [flooded, neighbour] = await Promise.all([banata.launch(), banata.launch()]);
}, 3 * MINUTE);

afterAll(() => installation?.remove());

/** Makes files of this content till it is refused, and says how many there were and what the refusal was. */
const flood = (folder: string, content: string): string => `python3 -c "
import os
n = 0
try:
    while True:
        if n % 1000 == 0: os.makedirs('${folder}/%d' % (n // 1000))
        with open('${folder}/%d/%d' % (n // 1000, n), 'w') as file: file.write('${content}')
        n += 1
except OSError as error:
    print(n, error.errno, error.strerror)
    raise SystemExit(1)"`;

async function say(sandbox: Sandbox, command: string, timeout = MINUTE): Promise<string> {
  const { stdout, stderr } = await sandbox.exec(command, undefined, { timeout });
  return `${stdout}${stderr}`.trim();
}

async function takenOnHost(): Promise<number> {
  const { stdout } = await run('du', ['-sx', '--block-size=1', installation.home]);
  return Number.parseInt(stdout, 10);
}

/** Bytes of its disk that the sandbox uses, as the host's quota counts them. */
async function usedDisk({ id }: Sandbox): Promise<number> {
  const reply = await fetch(`${installation.url}/v1/sandboxes/metrics?id=${id}`, {
    headers: { authorization: `Bearer ${await installation.apiKey()}` },
  });
  return ((await reply.json()) as { disk: { bytes: number } }).disk.bytes;
}

/** Details of the events that say the disk is full, from the beginning of the sandbox on. */
async function eventOf(sandbox: Sandbox): Promise<string> {
  for await (const event of sandbox.events({ after: 0, signal: AbortSignal.timeout(3 * MINUTE) })) {
    if (event.type === 'sandbox.limit.reached') return JSON.stringify(event.data);
  }
  throw new Error('no event says that a limit was reached');
}

describe(`a flood of small files (${testedIsolation()}, disk of ${DISK_MIB} MiB)`, () => {
  const contents = [
    ['empty files', ''],
    // What they hold lies in the metadata, too. Minutes on a whole disk, and the same.
    ...(whole ? [] : [['files of 20 bytes', 'twenty bytes of text'] as const]),
  ] as const;
  for (const [what, content] of contents) {
    securityCase(
      `${what}: end at the limit of the disk, which counts what files are made of`,
      async () => {
        const folder = `/workspace/${content.length}`;
        const before = await takenOnHost();
        const began = performance.now();
        const said = await say(flooded, flood(folder, content), FILL_LIMIT_MS);
        const seconds = (performance.now() - began) / 1000;
        const [, count = '', errno = ''] = /^(\d+) (\d+) /m.exec(said) ?? [];
        // EDQUOT, errno(3).
        expect(errno, said).toBe('122');
        expect(Number(count)).toBeGreaterThan(1000);
        const used = await until(
          'the quota to count it',
          async () => {
            const bytes = await usedDisk(flooded);
            return bytes > 0.9 * DISK_MIB * MIB ? bytes : undefined;
          },
          2 * MINUTE,
        );
        expect(used).toBeLessThanOrEqual(DISK_MIB * MIB);
        const event = await eventOf(flooded);
        expect(event).toContain('"limit":"disk"');
        expect(await say(flooded, 'echo alive')).toContain('alive');
        expect(
          await say(neighbour, 'echo mine >/workspace/mine && sync -f /workspace && cat /workspace/mine'),
        ).toBe('mine');
        const lost = (await takenOnHost()) - before;
        expect(lost).toBeLessThan((DISK_MIB + HOST_OTHER_MIB) * MIB);
        const { bfree, bsize } = await statfs(`${installation.home}/oci/pool`);
        expect(bfree * bsize).toBeGreaterThan(GIB);
        expect(await say(flooded, `rm -rf ${folder} && echo removed`, FILL_LIMIT_MS)).toContain('removed');
        expect(
          await say(flooded, 'sync -f /workspace; head -c 1M /dev/urandom >/workspace/again && echo goes on'),
        ).toContain('goes on');
        return `${count} files in ${seconds.toFixed(0)} s, ${Math.round(used / Number(count))} bytes each, then EDQUOT; host ${Math.round(lost / MIB)} MiB; goes on after rm`;
      },
      12 * MINUTE,
    );
  }
});
