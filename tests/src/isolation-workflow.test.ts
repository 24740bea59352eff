import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const SIZES = {
  small: { cpus: 1, memoryGib: 1, pids: 200, diskGib: 0.5, openFiles: 500, networkMbit: 50, outputMib: 2 },
  busy: { pids: 3000 },
};

let installation: Installation;
let banata: BanataSandbox;

beforeAll(async () => {
  installation = await Installation.start({
    BANATA_SIZES: JSON.stringify(SIZES),
    BANATA_SANDBOX_PIDS: '1000',
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
});

afterAll(() => installation?.remove());

async function output(sandbox: Sandbox, command: string): Promise<string> {
  const { stdout, stderr, exitCode } = await sandbox.exec(command, undefined, { timeout: 60_000 });
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

async function metrics({ id }: Sandbox): Promise<unknown> {
  const reply = await fetch(`${installation.url}/v1/sandboxes/metrics?id=${id}`, {
    headers: { authorization: `Bearer ${await installation.apiKey()}` },
  });
  return await reply.json();
}

describe('sizes of the operator', () => {
  test('hold, and programs and API see them', async () => {
    await using sandbox = await banata.launch({ size: 'small' });
    expect((await banata.get(sandbox.id)).size).toBe('small');
    expect(await output(sandbox, 'nproc; ulimit -Hn; ulimit -u')).toBe('1\n500\n150\n');
    const inside = JSON.parse(await output(sandbox, 'banata-limits --json')) as object;
    expect(inside).toMatchObject({
      cpus: { limit: 1 },
      memoryBytes: { limit: GIB },
      pids: { limit: 200 },
      diskBytes: { limit: 512 * MIB },
      openFiles: { limit: 500 },
      outputBytes: { limit: 2 * MIB },
    });
    expect(await metrics(sandbox)).toMatchObject({
      cpu: { limitCores: 1 },
      memory: { limitBytes: GIB },
      disk: { limitBytes: 512 * MIB },
      processes: { limit: 200 },
      output: { limitBytes: 2 * MIB },
    });
    await output(sandbox, 'head -c 5000000 /dev/zero | tr "\\0" x');
    const kept = Number(await output(sandbox, 'sudo sh -c "cat /var/lib/banata/exec/*.out" | wc -c'));
    expect(kept).toBeGreaterThanOrEqual(2 * MIB);
    expect(kept).toBeLessThan(2 * MIB + 200);
    const filled = await sandbox.exec('head -c 700M /dev/urandom >/workspace/big');
    expect(filled.stderr).toMatch(/quota exceeded|No space|disk of the sandbox is full/i);
  });

  test('that reaches a limit says so by an event, without a browser or an agent too', async () => {
    await using sandbox = await banata.launch({ size: 'small' });
    const told = async (): Promise<unknown[]> => {
      const { data } = await banata.events.list({ sandboxId: sandbox.id, types: ['sandbox.limit.reached'] });
      return data.map((event) => event.data);
    };
    expect(await output(sandbox, 'echo well')).toBe('well\n');
    await sandbox.exec('python3 -c "a = []\nwhile True: a.append(bytearray(16 << 20))"');
    await expect.poll(told, { timeout: 30_000 }).toContainEqual(expect.objectContaining({ limit: 'memory' }));
    expect(await output(sandbox, 'echo well')).toBe('well\n');
  });

  test('with more processes than the sandboxes kept warm: all of them are there', async () => {
    await using usual = await banata.launch();
    await using busy = await banata.launch({ size: 'busy' });
    expect(await output(usual, 'ulimit -u')).toBe('750\n');
    expect(await output(busy, 'ulimit -u')).toBe('2250\n');
    expect(await metrics(busy)).toMatchObject({ processes: { limit: 3000 } });
  });

  test('another one is refused by name', async () => {
    await expect(banata.create({ size: 'huge' })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: "Invalid size: 'huge'. Must be one of: standard, small, busy",
    });
  });
});

test('an isolation that the operator does not offer is refused by name', async () => {
  const isolation = installation.isolation === 'gvisor' ? 'container' : 'gvisor';
  await expect(banata.create({ isolation })).rejects.toMatchObject({
    code: 'NOT_SUPPORTED',
    message: expect.stringMatching(
      `isolation "${installation.isolation}" only.*BANATA_ISOLATION_OVERRIDE`,
    ) as string,
  });
  await using sandbox = await banata.launch({ isolation: installation.isolation });
  expect((await banata.get(sandbox.id)).isolation).toBe(installation.isolation);
});

describe('package managers as the user, without a network', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await banata.launch({ network: { egress: 'none' } });
  });

  test('a Debian package that makes an account', async () => {
    const made = await output(
      sandbox,
      `set -e
mkdir -p /tmp/p/DEBIAN /tmp/p/var/lib/maker && cd /tmp
printf 'Package: maker\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: Nobody <nobody@example.com>\\nDescription: makes an account\\n' >p/DEBIAN/control
printf '#!/bin/sh\\nset -e\\ngroupadd --system makers\\nuseradd --system --gid makers --create-home maker\\nusermod --comment Maker maker\\nchown maker:makers /var/lib/maker\\n' >p/DEBIAN/postinst
printf '#!/bin/sh\\nset -e\\n[ "$1" != remove ] || userdel --remove maker\\n' >p/DEBIAN/postrm
chmod 755 p/DEBIAN/p*
dpkg-deb --root-owner-group --build p maker.deb >/dev/null
apt-get install -y ./maker.deb >&2
getent passwd maker | cut -d: -f5; stat -c %U:%G /var/lib/maker ~maker
sudo apt-get remove -y maker >&2
! getent passwd maker`,
    );
    expect(made).toBe('Maker\nmaker:makers\nmaker:makers\n');
  });

  test('pip, npm and bun', async () => {
    const installed = await output(
      sandbox,
      `set -e
mkdir -p /tmp/index /tmp/js/package && cd /tmp
python3 - <<'END'
import zipfile
info = 'banata_tiny-1.0.dist-info/'
with zipfile.ZipFile('/tmp/index/banata_tiny-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('banata_tiny.py', 'NAME = "tiny"\\n')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: banata-tiny\\nVersion: 1.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
END
pip install --no-index --find-links /tmp/index banata-tiny >&2
python3 -c 'import banata_tiny; print("pip", banata_tiny.NAME)'
printf '{ "name": "banata-tiny", "version": "1.0.0", "main": "index.js" }' >js/package/package.json
echo 'module.exports = "tiny";' >js/package/index.js
tar czf tiny.tgz -C js package
mkdir a b && cd a && npm init -y >&2 && npm i --offline --no-audit --no-fund /tmp/tiny.tgz >&2
node -p '"npm " + require("banata-tiny")'
cd ../b && echo '{}' >package.json && bun add /tmp/tiny.tgz >&2
bun -p '"bun " + require("banata-tiny")'`,
    );
    expect(installed).toBe('pip tiny\nnpm tiny\nbun tiny\n');
  });
});
