import type { BoxExecResult } from '@banata/protocol/box';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxDirectory } from '../index.ts';
import { testRuntimes } from '../testing/test-runtimes.ts';
import { startImageBox, type ImageBox } from '../testing/image-box.ts';
import { imageLayers } from '../testing/image-layers.ts';

/** Makes an apt repository of one package whose files belong to several owners. */
const APT_REPOSITORY = `set -e
mkdir -p /tmp/repo/hello/DEBIAN /tmp/repo/hello/usr/bin /tmp/repo/hello/var/lib/banata-hello
cd /tmp/repo
printf 'Package: banata-hello\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: Nobody <nobody@example.com>\\nDescription: says hello\\n' >hello/DEBIAN/control
printf '#!/bin/sh\\nset -e\\nadduser --system --group banata-hello >/dev/null 2>&1 || useradd --system banata-hello\\nchown banata-hello /var/lib/banata-hello\\n' >hello/DEBIAN/postinst
printf '#!/bin/sh\\necho hello from a package\\n' >hello/usr/bin/banata-hello
chmod 755 hello/DEBIAN/postinst hello/usr/bin/banata-hello
dpkg-deb --root-owner-group --build hello banata-hello.deb >/dev/null
dpkg-scanpackages . >Packages 2>/dev/null
echo 'deb [trusted=yes] file:/tmp/repo ./' | sudo tee /etc/apt/sources.list.d/local.list >/dev/null
chmod -R a+rX /tmp/repo`;

/** apt with no other source than that. */
const APT = '-o Dir::Etc::sourcelist=/etc/apt/sources.list.d/local.list -o Dir::Etc::sourceparts=-';

/** Makes a wheel, and an index of it that a server of the box offers. */
const PIP_INDEX = `import os, zipfile
os.makedirs('/tmp/index/banata-tiny', exist_ok=True)
info = 'banata_tiny-1.0.dist-info/'
with zipfile.ZipFile('/tmp/index/banata-tiny/banata_tiny-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('banata_tiny.py', 'NAME = "tiny"\\n')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: banata-tiny\\nVersion: 1.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')`;

/** Makes a package of npm. */
const NPM_PACKAGE = `set -e
mkdir -p /tmp/npm/package && cd /tmp/npm
printf '{ "name": "banata-tiny", "version": "1.0.0", "bin": { "banata-tiny": "run.js" }, "main": "index.js" }' >package/package.json
echo 'module.exports = "tiny";' >package/index.js
printf '#!/usr/bin/env node\\nconsole.log("tiny runs");\\n' >package/run.js
tar czf banata-tiny-1.0.0.tgz package`;

describe.each(testRuntimes(process.env))('package managers as the user of a box (%s)', (runtime) => {
  let box: ImageBox;

  beforeAll(async () => {
    box = await startImageBox({ layers: imageLayers(process.env), boxDirectory, runtime });
  });

  afterAll(async () => {
    await box?.close();
  });

  async function exec(command: string): Promise<BoxExecResult> {
    const { body } = await box.send('POST', '/exec', { command, timeoutMs: 60_000 });
    expect(body['exitCode'], String(body['stderr'])).toBe(0);
    return body as unknown as BoxExecResult;
  }

  test('apt-get and apt install and remove', async () => {
    await exec(APT_REPOSITORY);
    await exec(`apt-get ${APT} update`);
    const installed = await exec(`apt-get ${APT} install -y banata-hello && banata-hello`);
    expect(installed.stdout).toContain('Setting up banata-hello (1.0)');
    expect(installed.stdout).toMatch(/hello from a package\n$/);
    expect((await exec('stat -c %U:%G /usr/bin/banata-hello /var/lib/banata-hello')).stdout).toMatch(
      /^root:root\nbanata-hello:\w+\n$/,
    );
    await exec(`sudo apt ${APT} remove -y banata-hello && ! command -v banata-hello`);
    const { body } = await box.send('POST', '/exec', {
      command: `apt-get ${APT} install -y no-such-package`,
      timeoutMs: 60_000,
    });
    expect(body).toMatchObject({ exitCode: 100 });
  });

  test('pip installs from an index', async () => {
    await exec(`python3 - <<'END'\n${PIP_INDEX}\nEND`);
    const serve = 'python3 -m http.server --bind 127.0.0.1 --directory /tmp/index 18976';
    await exec(
      `(${serve} >/dev/null 2>&1 &); for i in $(seq 100); do curl -sf http://127.0.0.1:18976/ && break; sleep 0.1; done`,
    );
    await exec('pip install --index-url http://127.0.0.1:18976/ banata-tiny');
    expect((await exec('python3 -c "import banata_tiny; print(banata_tiny.NAME)"')).stdout).toBe('tiny\n');
    await exec(
      'python3 -m venv /tmp/venv && /tmp/venv/bin/pip install --index-url http://127.0.0.1:18976/ banata-tiny',
    );
    await exec('pkill -f http.server');
  });

  test('npm and bun add a package to a project, and npm one for the account', async () => {
    await exec(NPM_PACKAGE);
    const use = 'node -p "require(\'banata-tiny\')"';
    expect(
      (await exec(`mkdir a && cd a && npm init -y >&2 && npm i /tmp/npm/banata-tiny-1.0.0.tgz >&2 && ${use}`))
        .stdout,
    ).toBe('tiny\n');
    expect(
      (
        await exec(
          `mkdir b && cd b && echo "{}" >package.json && bun add /tmp/npm/banata-tiny-1.0.0.tgz >&2 && ${use}`,
        )
      ).stdout,
    ).toBe('tiny\n');
    expect((await exec('npm i -g /tmp/npm/banata-tiny-1.0.0.tgz >&2 && banata-tiny')).stdout).toBe(
      'tiny runs\n',
    );
  });
});
