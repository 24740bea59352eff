import { BanataSandbox } from '@banata-boxes/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeInternet } from './support/fake-internet.ts';
import { Installation } from './support/installation.ts';

let internet: FakeInternet;
let installation: Installation;
let banata: BanataSandbox;

beforeAll(async () => {
  internet = await FakeInternet.start(({ addresses }) => ({
    'packages.example': [[addresses.a]],
    'other.example': [[addresses.a]],
  }));
  installation = await Installation.start({ BANATA_DNS: internet.dns });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
});

afterAll(async () => {
  await installation?.remove();
  await internet?.remove();
});

test('a sandbox reaches what its rules name, shows them, and tells what it reached', async () => {
  await using sandbox = await banata.launch({ network: { egress: { allow: ['packages.example'] } } });
  expect((await banata.get(sandbox.id)).network).toEqual({ egress: { allow: ['packages.example'] } });
  const fetchBoth = 'curl -sSkm 5 https://packages.example/a; curl -sSkm 5 https://other.example/b';
  const first = await sandbox.exec(fetchBoth);
  expect(first.stdout).toContain('"url":"/a"');
  expect(first.stdout).not.toContain('"url":"/b"');
  expect(first.stderr).toContain('other.example');

  const opened = await sandbox.network.set({ egress: 'all' });
  expect(opened.network).toEqual({ egress: 'all' });
  expect((await sandbox.exec(fetchBoth)).stdout).toContain('"url":"/b"');

  await sandbox.network.set({ egress: 'none' });
  expect((await sandbox.exec(fetchBoth)).stdout).toBe('');

  await expect
    .poll(async () => (await sandbox.network.log()).data.map(({ host, allowed }) => `${host} ${allowed}`), {
      timeout: 8_000,
    })
    .toEqual(expect.arrayContaining(['packages.example true', 'other.example false']));
});

test.each([
  [{ egress: 'some' }],
  [{ egress: { allow: ['https://packages.example'] } }],
  [{ egress: {} }],
  [{ egress: { allow: ['10.0.0.0/33'] } }],
  [{ egress: { allow: Array.from({ length: 257 }, (_, index) => `n${index}.example`) } }],
  [{ ingress: 'all' }],
])('the network %j is refused with 400', async (network) => {
  await expect(banata.create({ network: network as never })).rejects.toMatchObject({
    status: 400,
    code: 'INVALID_REQUEST',
  });
});
