import { BanataError, BanataSandbox, type Artifact, type Sandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { chromium, type BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';
import { S3Store } from './support/s3-store.ts';
import { until } from './support/until.ts';

const KEY = 'sk-canary-artifacts';
const LARGE_MIB = process.env['BANATA_TEST_ALL'] === '1' ? 1024 : 128;

let store: S3Store;
let model: ScriptedModel;
let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;

beforeAll(async () => {
  [store, model] = await Promise.all([S3Store.start(), startScriptedModel({ apiKey: KEY })]);
  installation = await Installation.start({
    ...store.env,
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
  });
  banata = new BanataSandbox({
    apiKey: await installation.apiKey(),
    baseUrl: installation.url,
    retry: { maxRetries: 8 },
  });
  sandbox = await banata.launch({
    idleTimeoutMs: null,
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
    capabilities: { agent: { enabled: true }, storage: { artifactPrefix: 'customer-a/job-42/' } },
  });
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
  await store?.remove();
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function shell(command: string): Promise<string> {
  const { stdout, stderr, exitCode } = await sandbox.exec('bash', ['-c', command]);
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof BanataError ? error.code : String(error)),
  );
}

async function stored(key: string, timeoutMs = 60_000): Promise<Artifact> {
  const find = async (): Promise<Artifact | undefined> => {
    const { data } = await sandbox.getArtifacts({ prefix: key });
    return data.find((artifact) => artifact.key === key && artifact.state === 'stored');
  };
  return until(`${key} is stored`, find, timeoutMs);
}

test('a file goes to the store, and its link leads there', async () => {
  await sandbox.fs.write('/workspace/report.md', '# Report\n');
  const artifact = await sandbox.publishArtifact('/workspace/report.md');
  expect(artifact).toMatchObject({
    key: 'customer-a/job-42/files/report.md',
    kind: 'file',
    source: '/workspace/report.md',
    contentType: 'text/markdown',
    sha256: sha256(Buffer.from('# Report\n')),
  });
  await stored(artifact.key);
  const { url } = await sandbox.getArtifactDownloadUrl(artifact.key);
  expect(url.startsWith(store.env['BANATA_S3_ENDPOINT'] ?? '-')).toBe(true);
  const reply = await fetch(url);
  expect(await reply.text()).toBe('# Report\n');
  expect(reply.headers.get('content-disposition')).toContain("attachment; filename*=UTF-8''report.md");
  const changed = new URL(url);
  changed.searchParams.set('response-content-disposition', 'inline');
  expect((await fetch(changed)).status).toBe(403);
});

test('a folder is packaged in the sandbox: zip, or tar.zst', async () => {
  await shell(
    'mkdir -p /workspace/site/img && cd /workspace/site && echo "<h1>x" > index.html && head -c 3M /dev/urandom > img/a',
  );
  const sums = 'find . -type f -exec sha256sum {} + | sort';
  const expected = await shell(`cd /workspace/site && ${sums}`);
  const cases = [
    [await sandbox.publishArtifact('site'), 'site.zip', 'unzip -q'],
    [
      await sandbox.publishArtifact('site', { name: 'all.tar.zst', format: 'tar.zst' }),
      'all.tar.zst',
      'tar --zstd -xf',
    ],
  ] as const;
  for (const [artifact, name, unpack] of cases) {
    expect(artifact).toMatchObject({ name, kind: 'workspace', key: `customer-a/job-42/workspaces/${name}` });
    const bytes = await sandbox.downloadArtifact(artifact.key);
    expect([bytes.length, sha256(bytes)]).toEqual([artifact.size, artifact.sha256]);
    await sandbox.fs.write(`/tmp/${name}`, bytes);
    const found = await shell(
      `rm -rf /tmp/out && mkdir /tmp/out && cd /tmp/out && ${unpack} /tmp/${name} && cd site && ${sums}`,
    );
    expect(found).toBe(expected);
  }
});

test('what cannot be published says why, and leaves nothing', async () => {
  await shell(
    'mkdir -p /workspace/closed && echo x > /workspace/closed/a && sudo chown root:root /workspace/closed/a && sudo chmod 600 /workspace/closed/a',
  );
  expect(await codeOf(sandbox.publishArtifact('/workspace/nothing'))).toBe('FILE_NOT_FOUND');
  expect(await codeOf(sandbox.publishArtifact('/workspace/closed/a'))).toBe('FILE_ACCESS_DENIED');
  expect(await codeOf(sandbox.publishArtifact('/workspace/closed'))).toBe('FILE_ACCESS_DENIED');
  expect(await codeOf(sandbox.publishArtifact('/etc/passwd', { format: 'zip' }))).toBe('NOT_A_DIRECTORY');
  expect(await codeOf(sandbox.publishArtifact('/dev/zero'))).toBe('NOT_A_FILE');
  expect(await codeOf(sandbox.getArtifactDownloadUrl('customer-a/job-42/nothing'))).toBe(
    'ARTIFACT_NOT_FOUND',
  );
  const { data } = await sandbox.getArtifacts({ prefix: 'customer-a/job-42/workspaces/closed' });
  expect(data).toEqual([]);
});

test('the agent publishes with a command; so may everybody in the sandbox', async () => {
  const { taskId } = await sandbox.promptAsync(
    'SCENARIO:bash command="echo found > findings.txt; banata-publish-artifact findings.txt --name final.txt" reply=done',
  );
  expect((await sandbox.waitForTask(taskId)).status).toBe('completed');
  const artifact = await stored('customer-a/job-42/files/final.txt');
  expect(artifact).toMatchObject({ source: '/workspace/findings.txt', size: 6 });
  expect(await shell('cd /workspace && banata-publish-artifact site --name by-hand.zip')).toMatch(
    /^Published customer-a\/job-42\/workspaces\/by-hand\.zip \(\d+ bytes\)\n$/,
  );
  const refused = await sandbox.exec('banata-publish-artifact', ['/workspace/nothing']);
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    'banata-publish-artifact: /workspace/nothing was not published: There is no /workspace/nothing\n',
  ]);
});

test('store and server killed in the middle: what was answered is there, whole', async () => {
  const sums = new Map<string, string>();
  await shell(
    'mkdir -p /workspace/many && cd /workspace/many && for i in $(seq 12); do head -c 3M /dev/urandom > f$i; done',
  );
  const publish = async (index: number): Promise<void> => {
    const { key, sha256: sum } = await sandbox.publishArtifact(`many/f${index}`);
    sums.set(key, sum);
  };
  for (let index = 1; index <= 3; index += 1) await publish(index);
  await store.kill();
  for (let index = 4; index <= 6; index += 1) await publish(index);
  const down = await sandbox.getArtifacts({ prefix: 'customer-a/job-42/files/f6' });
  expect(down.data[0]?.state).toBe('pending');
  const readiness: unknown = await (await fetch(`${installation.url}/readyz`)).json();
  expect(readiness).toMatchObject({ ok: true, pendingUploads: expect.any(Number) as number });
  await installation.stopServer('SIGKILL');
  await Promise.all([installation.startServer(), store.startAgain()]);
  // Under way when the server is killed: answered or not, it is whole or not there.
  const racing = Promise.allSettled([7, 8, 9, 10, 11, 12].map(publish));
  await until('some are answered', async () => (sums.size > 7 ? true : undefined));
  await store.kill();
  await installation.stopServer('SIGKILL');
  await Promise.all([installation.startServer(), store.startAgain()]);
  await racing;
  for (const [key, sum] of sums) {
    expect((await stored(key)).sha256).toBe(sum);
    expect(sha256(await sandbox.downloadArtifact(key))).toBe(sum);
  }
  const { data } = await sandbox.getArtifacts({ prefix: 'customer-a/job-42/files/f' });
  for (const { key, sha256: sum } of data) expect(sha256(await sandbox.downloadArtifact(key))).toBe(sum);
  expect(sums.size).toBeGreaterThanOrEqual(7);
});

test('a browser profile is safe while the store is down, and goes there afterwards', async () => {
  const browser = { persistentProfile: true, profileKey: 'outage' };
  const cookies = async <T>(work: (context: BrowserContext) => Promise<T>): Promise<T> => {
    await using one = await banata.launch({ capabilities: { browser } });
    const client = await chromium.connectOverCDP((await one.getPreview()).cdpUrl);
    const result = await work(client.contexts()[0]!);
    await client.close();
    await one.kill();
    return result;
  };
  const login = { name: 'login', value: 'ada', domain: 'shop.example', path: '/' };
  const value = (context: BrowserContext): Promise<string | undefined> =>
    context.cookies('http://shop.example/').then(([cookie]) => cookie?.value);
  await store.kill();
  await cookies((context) => context.addCookies([login]));
  expect(await cookies(value)).toBe('ada');
  await store.startAgain();
  const pending = async (): Promise<unknown> => {
    const reply = await fetch(`${installation.url}/readyz`);
    return ((await reply.json()) as { pendingUploads: number }).pendingUploads;
  };
  await expect.poll(pending, { timeout: 90_000 }).toBe(0);
  expect(await cookies(value)).toBe('ada');
});

test('a large file passes at flat memory', { timeout: 400_000 }, async () => {
  await shell(`head -c ${LARGE_MIB}M /dev/urandom > /workspace/large`);
  const { pid } = installation;
  const resident = async (): Promise<number> =>
    Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  const before = await resident();
  const samples = [before];
  const watch = setInterval(() => void resident().then((now) => samples.push(now)), 100);
  try {
    const began = performance.now();
    const { key, size } = await sandbox.publishArtifact('/workspace/large');
    const publishedMs = performance.now() - began;
    expect(size).toBe(LARGE_MIB * 1024 ** 2);
    await stored(key, 300_000);
    const storedMs = performance.now() - began;
    const most = Math.max(...samples);
    process.stderr.write(
      `${LARGE_MIB} MiB published in ${Math.round(publishedMs)} ms, in the store after ${Math.round(storedMs)} ms; ` +
        `server ${Math.round(before)} MiB before, ${Math.round(most)} MiB at most\n`,
    );
    expect(most - before).toBeLessThan(150);
    await sandbox.deleteArtifact(key);
  } finally {
    clearInterval(watch);
  }
});

test('artifacts outlive the sandbox, and are deleted after it', async () => {
  await sandbox.kill();
  const key = 'customer-a/job-42/files/report.md';
  const page = await banata.listArtifacts({ prefix: key });
  expect(page.data.map(({ sandboxId, key: found }) => [sandboxId, found])).toEqual([[sandbox.id, key]]);
  const again = await banata.connect(page.data[0]?.sandboxId ?? '');
  expect(Buffer.from(await again.downloadArtifact(key)).toString()).toBe('# Report\n');
  expect(await codeOf(again.publishArtifact('/workspace/report.md'))).toBe('SANDBOX_NOT_READY');
  expect(await again.deleteArtifact(key)).toBe(true);
  expect(await again.deleteArtifact(key)).toBe(false);
  expect(await codeOf(again.downloadArtifact(key))).toBe('ARTIFACT_NOT_FOUND');
});
