import type { AgentMessage, BoxAgentState, BoxTask } from '@banata/protocol/box';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { copyDaemon } from '../testing/daemon-copy.ts';
import { type ImageBox, startImageBox } from '../testing/image-box.ts';
import { scenarioPrompt } from '../testing/scripted-shop.ts';
import { type ScriptedModel, startScriptedModel } from '../testing/scripted-model.ts';
import { isFinal } from './tasks/task-record.ts';
import { imageLayers } from './testing/host-agent.ts';

let boxDirectory: string;
let model: ScriptedModel;
let site: Server;
let siteUrl: string;
const visits: string[] = [];
let box: ImageBox;

beforeAll(async () => {
  boxDirectory = await copyDaemon();
  model = await startScriptedModel({ apiKey: 'gateway-token' });
  site = createServer((request, response) => {
    visits.push(request.url ?? '');
    if (request.url === '/prices.csv') {
      response.setHeader('content-disposition', 'attachment; filename="prices.csv"');
      response.end('bolt;42');
      return;
    }
    response.setHeader('content-type', 'text/html');
    if (request.url === '/files') {
      response.end(`<title>Files</title><a href="/prices.csv">Prices</a>
        <input type="file" aria-label="Photo" onchange="document.title = this.files[0].name + ' ' + this.files[0].size">`);
      return;
    }
    response.end('<title>Prices</title><h1>Bolt: 42 cents</h1>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  box = await startImageBox({ layers: imageLayers(), boxDirectory, pids: 1024 });
  const access = {
    baseUrl: model.baseUrl,
    apiKey: 'gateway-token',
    model: 'acme/main-1',
    smallModel: 'acme/small-1',
  };
  const reply = await box.send('PUT', '/config', {
    sandboxId: 'a'.repeat(32),
    runtime: 'base',
    env: { GREETING: 'hello' },
    browser: { viewport: { width: 1280, height: 800 }, persistentProfile: false },
    agent: { defaultAgent: 'build', model: { provider: 'openrouter', ...access } },
  });
  expect(reply.status).toBe(200);
});

afterAll(async () => {
  await box?.close();
  await model?.close();
  site?.close();
  site?.closeAllConnections();
  await rm(boxDirectory, { recursive: true, force: true });
});

async function get<T>(path: string): Promise<T> {
  return (await (await box.fetch(path)).json()) as T;
}

async function runTask(taskId: string, prompt: string): Promise<BoxTask> {
  await putTask(taskId, prompt);
  return done(taskId);
}

async function putTask(taskId: string, prompt: string): Promise<void> {
  const body = { prompt, sessionId: null, agent: null, system: null, timeoutMs: 100_000 };
  expect((await box.send('PUT', `/agent/tasks/${taskId}`, body)).status).toBe(200);
}

async function done(taskId: string): Promise<BoxTask> {
  const deadline = Date.now() + 110_000;
  for (;;) {
    // A daemon that is being restarted does not answer for a moment.
    const task = await get<BoxTask>(`/agent/tasks/${taskId}`).catch(() => null);
    if (task !== null && 'status' in task && isFinal(task)) return task;
    if (Date.now() > deadline) throw new Error(`no end: ${JSON.stringify(task)}\n${await box.log()}`);
    await sleep(50);
  }
}

async function lastToolOutputs(): Promise<string> {
  const { messages } = await get<{ messages: AgentMessage[] }>('/agent/messages');
  const parts = messages.flatMap((message) => message.parts);
  return parts.map((part) => (part.type === 'tool' ? (part.output ?? '') : '')).join('\n');
}

async function pid(commandPart: string): Promise<number> {
  for (const candidate of await box.processes()) {
    const line = await readFile(`/proc/${candidate}/cmdline`, 'utf8').catch(() => '');
    if (line.replaceAll('\0', ' ').includes(commandPart)) return candidate;
  }
  throw new Error(`no process ${commandPart} in the box`);
}

// The first task waits for agent and browser, which start slowly on a machine that does other things.
describe('the agent in the image', { timeout: 120_000 }, () => {
  test('works as the ordinary user, with the tools of the image', async () => {
    // One pipe for all: what comes through two may overtake each other.
    const command =
      'exec 2>&1; id -un; pwd; echo $GREETING; command -v rg banata-complete-task; head -c 20 /var/lib/banata/config.json';
    expect(await runTask('who', `SCENARIO:bash command="${command}"`)).toMatchObject({ status: 'completed' });
    const output = await lastToolOutputs();
    expect(output).toMatch(/\buser\n\/workspace\nhello\n\/usr\/bin\/rg\n\/.*banata-complete-task\n/);
    expect(output).toContain('Permission denied');
  });

  test('drives the live browser', async () => {
    expect(await runTask('browse', `SCENARIO:browse url=${siteUrl}/prices`)).toMatchObject({
      status: 'completed',
    });
    expect(visits).toContain('/prices');
    expect(await lastToolOutputs()).toContain('Bolt: 42 cents');
    expect(await get<object>('/browser')).toMatchObject({ url: `${siteUrl}/prices`, title: 'Prices' });
  });

  test('is told where downloads are, and uploads files of the workspace', async () => {
    const upload = ['playwright_browser_file_upload', { paths: ['/workspace/photo.txt'] }];
    const calls = [
      ['bash', { command: 'echo 12345 > /workspace/photo.txt', description: 'Makes a file' }],
      ['playwright_browser_navigate', { url: `${siteUrl}/files` }],
      ['playwright_browser_click', { target: "getByRole('link', { name: 'Prices' })" }],
      // A result tells of what is there by then.
      ['playwright_browser_wait_for', { time: 3 }],
      ['playwright_browser_click', { target: "getByLabel('Photo')" }],
      upload,
      ['bash', { command: 'cat /workspace/downloads/prices.csv', description: 'Reads the download' }],
    ];
    const task = await runTask('files', scenarioPrompt('tools', 'calls', calls));
    expect(task).toMatchObject({
      status: 'completed',
      filesChanged: ['/workspace/downloads/prices.csv', '/workspace/photo.txt'],
    });
    const output = await lastToolOutputs();
    expect(
      output.match(/A download was saved as "\/workspace\/downloads\/prices\.csv" \(7 bytes\)/g),
    ).toHaveLength(1);
    expect(output).toMatch(/bolt;42/);
    expect(await get<object>('/browser')).toMatchObject({ title: 'photo.txt 6' });
  });

  test('gets its browser tools back when they were killed', async () => {
    process.kill(await pid('@playwright/mcp'), 'SIGKILL');
    // OpenCode counts them as connected until it reads the end of their pipe.
    await vi.waitFor(
      async () => {
        const tools = await get<{ playwright: { status: string } }>('/agent/server?target=/mcp');
        expect(tools.playwright.status).not.toBe('connected');
      },
      { timeout: 30_000, interval: 100 },
    );
    await runTask('again', `SCENARIO:browse url=${siteUrl}/again`);
    expect(visits).toContain('/again');
  });

  test('hands in its report', async () => {
    await runTask('report', 'SCENARIO:report result="Prices read"');
    const state = await get<BoxAgentState>('/agent/state');
    expect(state.lastTaskReport).toMatchObject({ result: 'Prices read', stepsCompleted: 2 });
  });

  test('ends its running task for good when the daemon is killed, and goes on', async () => {
    await putTask('killed', 'SCENARIO:bash command="sleep 4715"');
    while (!model.requests.some(({ prompt }) => prompt.includes('4715'))) await sleep(20);
    process.kill(await pid('boxd.cjs'), 'SIGKILL');
    expect(await done('killed')).toMatchObject({ status: 'failed', error: { code: 'AGENT_CRASHED' } });
    expect(await runTask('after', 'SCENARIO:text reply=after')).toMatchObject({ resultText: 'after' });
    await expect(pid('sleep 4715')).rejects.toThrow('no process');
  });
});
