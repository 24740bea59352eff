import { BanataSandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { createServer, type Server } from 'node:http';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, Installation } from './support/installation.ts';

const KEY = 'sk-canary-5f2c9d';
const PAGE = `<!doctype html><title>Harbour prices</title>
<body style="margin:0;background:rgb(0,128,64)"><h1>Berth 7 costs 42 crowns</h1></body>`;

let installation: Installation;
let model: ScriptedModel;
let site: Server;
let pagePort: number;
const visits: string[] = [];

beforeAll(async () => {
  pagePort = await freePort();
  site = createServer((request, response) => {
    visits.push(request.url ?? '');
    response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  });
  await new Promise<void>((resolve) => site.listen(pagePort, '127.0.0.1', resolve));
  model = await startScriptedModel({ apiKey: KEY });
  installation = await Installation.start({
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
    BANATA_HOST_PORTS: String(pagePort),
  });
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
  site?.close();
});

/** The average colour of a PNG, as Chromium sees it. */
async function averageColour(png: Uint8Array): Promise<number[]> {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    return await page.evaluate(
      async (source) => {
        const image = new Image();
        image.src = source;
        await image.decode();
        const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
        const context = canvas.getContext('2d');
        context?.drawImage(image, 0, 0, 1, 1);
        return [...(context?.getImageData(0, 0, 1, 1).data ?? [])].slice(0, 3);
      },
      `data:image/png;base64,${Buffer.from(png).toString('base64')}`,
    );
  } finally {
    await browser.close();
  }
}

function launchChromium() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

test('launch, prompt, browse, watch, read the result, download it, end', async () => {
  const banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  await using sandbox = await banata.launch({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
    capabilities: {
      browser: { viewport: { width: 1024, height: 768 } },
      agent: { enabled: true },
      storage: { artifactPrefix: 'customer-a/job-42' },
    },
  });
  expect(sandbox.session.pairedBrowser?.controlMode).toBe('ai');

  const url = `http://host.banata.internal:${pagePort}/berths`;
  const queued = await sandbox.promptAsync(
    `SCENARIO:research url=${url} path=/workspace/report.md content="Berth 7: 42 crowns" reply="Report written."`,
    { metadata: { userId: 'u1', jobId: 'j1' } },
  );
  const seen: string[] = [];
  const task = await sandbox.waitForTask(queued.taskId, {
    timeoutMs: 90_000,
    onEvent: (event) => void seen.push(event.type),
  });
  expect(task).toMatchObject({
    status: 'completed',
    resultText: 'Report written.',
    metadata: { userId: 'u1', jobId: 'j1' },
    error: null,
  });
  expect(task.usage.modelCalls).toBe(4);
  expect(seen).toContain('sandbox.agent.part');
  expect(visits).toContain('/berths');

  const preview = await sandbox.getPreview();
  expect(preview).toMatchObject({ status: 'ready', url, title: 'Harbour prices' });
  const viewer = await launchChromium();
  try {
    const page = await viewer.newPage({ viewport: { width: 1024, height: 820 } });
    await page.goto(preview.viewerUrl ?? '');
    const canvas = page.locator('canvas').first();
    await canvas.waitFor({ timeout: 20_000 });
    await expect
      .poll(async () => averageColour(await canvas.screenshot()), { timeout: 20_000, interval: 500 })
      .toSatisfy(([red = 0, green = 0, blue = 0]: number[]) => green > red + 40 && green > blue + 20);
  } finally {
    await viewer.close();
  }

  expect(await sandbox.fs.read('/workspace/report.md')).toBe('Berth 7: 42 crowns');
  const artifact = await sandbox.publishArtifact('/workspace/report.md');
  expect(artifact.key).toBe('customer-a/job-42/files/report.md');
  const { url: download } = await sandbox.getArtifactDownloadUrl(artifact.key);
  await sandbox.kill();
  const answer = await fetch(download);
  expect(answer.headers.get('content-disposition')).toContain('attachment');
  expect(await answer.text()).toBe('Berth 7: 42 crowns');
  const tampered = new URL(download);
  tampered.searchParams.set('token', `${tampered.searchParams.get('token') ?? ''}x`);
  expect((await fetch(tampered)).status).toBe(401);
  expect((await banata.get(sandbox.id)).status).toBe('ended');
});

test('the model key never enters the sandbox', async () => {
  const banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  await using sandbox = await banata.launch({
    env: {
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: model.baseUrl,
      OPENAI_MODEL: 'acme/main-1',
      PLAIN: 'visible',
    },
    capabilities: { agent: { enabled: true } },
  });
  const reply = await sandbox.prompt('SCENARIO:bash command="env; ps axeww; cat /proc/*/environ" reply=done');
  expect(reply.status).toBe('completed');
  const messages = await sandbox.getMessages();
  expect(JSON.stringify(messages)).toContain('PLAIN=visible');
  expect(JSON.stringify(messages)).not.toContain(KEY);
  const asRoot = await sandbox.exec(
    `cat /proc/*/environ | tr '\\0' '\\n'; grep -rsl '${KEY.slice(0, 8)}' /etc /home /root /run /tmp /var/lib/banata /workspace || true`,
    undefined,
    { user: 'root' },
  );
  expect(asRoot.stdout).toContain('OPENAI_BASE_URL=http://host.banata.internal');
  expect(asRoot.stdout).not.toContain(KEY);
});

test('without a key and without the demo script, prompting names the variables to set', async () => {
  const banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  const { id } = await banata.create({ capabilities: { agent: { enabled: true } } });
  await banata.waitForReady(id, 30_000);
  await using sandbox = await banata.connect(id);
  await expect(sandbox.promptAsync('hello')).rejects.toMatchObject({
    status: 409,
    code: 'MODEL_NOT_CONFIGURED',
    message: expect.stringContaining('OPENROUTER_API_KEY') as string,
  });
});
