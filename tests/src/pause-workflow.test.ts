import { BanataError, BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const MINUTE = 60_000;
const KEY = 'sk-canary-71c0d3';
/** gVisor's half belongs to `./banata test --all`. */
const everything = process.env['BANATA_TEST_ALL'] === '1';
const ISOLATIONS = everything ? ['container', 'gvisor'] : ['container'];
const FORM =
  '<!doctype html><title>Form</title><form method=post><input name=city autofocus><textarea name=note></textarea></form>';
const COUNT =
  'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/count.new; mv /dev/shm/count.new /dev/shm/count; sleep 0.02; done';

let installation: Installation;
let banata: BanataSandbox;
let model: ScriptedModel;
let site: Server;
let pagePort: number;

async function shell(sandbox: Sandbox, command: string): Promise<string> {
  return (await sandbox.exec(command)).stdout.trim();
}

async function count(sandbox: Sandbox): Promise<number> {
  return Number(await shell(sandbox, 'cat /dev/shm/count 2>/dev/null || echo -1'));
}

async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => (error instanceof BanataError ? error.code : String(error)),
  );
}

/** Does something with the first page of the sandbox's browser. */
async function withPage<T>(
  sandbox: Sandbox,
  work: (page: Awaited<ReturnType<typeof firstPage>>) => Promise<T>,
): Promise<T> {
  const { cdpUrl } = await sandbox.getPreview();
  const browser = await chromium.connectOverCDP(cdpUrl);
  try {
    return await work(await firstPage(browser));
  } finally {
    await browser.close();
  }
}

async function firstPage(browser: Awaited<ReturnType<typeof chromium.connectOverCDP>>) {
  const context = browser.contexts()[0];
  const page = context?.pages()[0] ?? (await context?.newPage());
  if (!page) throw new Error('the browser has no page');
  return page;
}

async function waitForStored(sandbox: Sandbox): Promise<void> {
  await until('the memory to be freed', async () => {
    const log = await installation.log();
    return log.includes('"sandbox.put_away"') && log.includes(sandbox.id) ? true : undefined;
  });
}

/** What the server said of memory that could not be put on disk. */
async function whyNotKept(): Promise<string | null> {
  const line = (await installation.log()).split('\n').find((entry) => entry.includes('could not be kept'));
  return line === undefined ? null : (/encoding error: ([^:]+)/.exec(line)?.[1] ?? line.slice(0, 1_000));
}

describe.each(ISOLATIONS)('pause and resume: %s', { timeout: 3 * MINUTE }, (isolation) => {
  const kept = isolation === 'gvisor';

  beforeAll(async () => {
    pagePort = await freePort();
    site = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(FORM));
    await new Promise<void>((resolve) => site.listen(pagePort, '127.0.0.1', resolve));
    model = await startScriptedModel({ apiKey: KEY });
    installation = await Installation.start({
      BANATA_WARM: '0',
      BANATA_ISOLATION: isolation,
      BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
      BANATA_HOST_PORTS: String(pagePort),
      BANATA_PAUSE_MEMORY_MINUTES: '0.1',
    });
    banata = new BanataSandbox({
      apiKey: await installation.apiKey(),
      baseUrl: installation.url,
      retry: { maxRetries: 0 },
    });
  }, 180_000);

  afterAll(async () => {
    await installation?.remove();
    await model?.close();
    site?.close();
  }, 120_000);

  test('programs stand still while paused and go on; calls under way and new ones are told', async () => {
    await using sandbox = await banata.launch();
    await sandbox.process.start(COUNT);
    await until('the count to begin', async () => ((await count(sandbox)) > 0 ? true : undefined));
    const underWay = codeOf(sandbox.exec('sleep 30'));
    await sleep(300);
    const before = await count(sandbox);
    const { status } = await sandbox.pause();
    expect(status).toBe('paused');
    expect(await underWay).toBe('SANDBOX_INTERRUPTED');
    expect(await codeOf(sandbox.exec('true'))).toBe('SANDBOX_NOT_READY');
    const checkpoint = await sandbox.checkpoint({ name: 'while paused' });
    expect(checkpoint.state).toBe('local');
    await sleep(1_000);
    const session = await sandbox.resume();
    expect(session.status).toBe('ready');
    const after = await count(sandbox);
    // A second of counting would be fifty.
    expect(after - before).toBeLessThan(40);
    await until('the count to go on', async () => ((await count(sandbox)) > after ? true : undefined));
    expect((await sandbox.pause()).status).toBe('paused');
    expect((await sandbox.pause()).status).toBe('paused');
    expect((await sandbox.kill()).status).toBe('ended');
  });

  test('a task of the agent goes on from the command it was at', async () => {
    await using sandbox = await banata.launch({
      env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
      capabilities: { agent: { enabled: true } },
    });
    const work = 'touch /workspace/begun; while [ ! -e /workspace/go ]; do sleep 0.1; done; echo over';
    const { taskId } = await sandbox.promptAsync(`SCENARIO:bash command="${work}"`);
    await until('the command to run', async () =>
      (await shell(sandbox, 'ls /workspace')) === 'begun' ? true : undefined,
    );
    await sandbox.pause();
    await sleep(500);
    expect(await sandbox.getAgentTask(taskId)).toMatchObject({ status: 'running' });
    await sandbox.resume();
    await sandbox.fs.write('/workspace/go', '');
    expect(await sandbox.waitForTask(taskId)).toMatchObject({ status: 'completed' });
    const messages = await sandbox.getMessages();
    expect(JSON.stringify(messages)).toContain('over\\n');
  });

  // It waits for the memory to be freed.
  test.runIf(everything)(
    'a counting process, a half-filled form and an agent, over a pause that frees the memory',
    async () => {
      await using sandbox = await banata.launch({
        env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
        capabilities: { browser: {}, agent: { enabled: true } },
      });
      await sandbox.process.start(COUNT);
      await sandbox.fs.write('/workspace/file.txt', 'kept');
      const first = await sandbox.prompt('SCENARIO:text reply="Berth 7 is free."');
      await sandbox.navigatePreview(`http://host.banata.internal:${pagePort}/form`);
      await withPage(sandbox, async (page) => {
        await page.fill('input[name=city]', 'Turku');
        await page.fill('textarea[name=note]', 'half a sen');
      });
      const before = await count(sandbox);
      await sandbox.pause();
      await waitForStored(sandbox);
      const memory = await sandbox.refresh();
      expect(memory.status).toBe('paused');
      // Another server takes it over.
      await installation.stopServer('SIGKILL');
      await installation.startServer();
      const startedAt = Date.now();
      await sandbox.resume();
      const resumeMs = Date.now() - startedAt;
      await banata.waitForReady(sandbox.id, MINUTE);

      expect(await sandbox.fs.read('/workspace/file.txt')).toBe('kept');
      const after = await count(sandbox);
      const form = await until('the browser', () =>
        withPage(sandbox, async (page) => ({
          url: page.url(),
          city: await page.inputValue('input[name=city]', { timeout: 1_000 }).catch(() => null),
          note: await page.inputValue('textarea[name=note]', { timeout: 1_000 }).catch(() => null),
        })).catch(() => undefined),
      );
      const messages = await sandbox.getMessages({ sessionId: first.sessionId ?? '' });
      const second = await sandbox.prompt('SCENARIO:text reply="Still here."', {
        sessionId: first.sessionId ?? '',
      });
      process.stdout.write(
        `pause to disk, ${isolation}: ${JSON.stringify({ resumeMs, count: [before, after], form, agentMessages: messages.length, next: second.text, notKept: await whyNotKept() })}\n`,
      );
      expect(messages.length).toBeGreaterThanOrEqual(2);
      expect(second.sessionId).toBe(first.sessionId);
      if (kept) {
        expect(after).toBeGreaterThanOrEqual(before);
        expect(form).toMatchObject({ city: 'Turku', note: 'half a sen' });
      } else {
        expect(after).toBe(-1);
        expect(form.city).toBeNull();
      }
      const events: string[] = [];
      try {
        for await (const { type } of sandbox.events({ signal: AbortSignal.timeout(1_500) }))
          events.push(type);
      } catch {
        // The stream goes on for as long as the sandbox does.
      }
      expect(events.filter((type) => /pausing|paused|resumed/.test(type))).toEqual([
        'sandbox.pausing',
        'sandbox.paused',
        'sandbox.resumed',
      ]);
    },
  );
});
