import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import type { WebhookPayload } from '@banata/protocol';
import { scenarioPrompt, startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dumpDatabase } from './support/dump-database.ts';
import { freePort, Installation } from './support/installation.ts';
import { RecordingProxy } from './support/recording-proxy.ts';
import { SignInSite } from './support/sign-in-site.ts';
import { until } from './support/until.ts';

const KEY = 'sk-secrets-31c7';
const WAIT_MS = 60_000;
const random = randomBytes(9).toString('hex');
/** One that has to be escaped wherever it is written down. */
const PASSWORD = `pä"ss w\\${random}&`;
const USER = `canary-${random}@example.com`;
const CODE = String(randomInt(10_000_000, 99_999_999));
/** What is looked for; the password by the part that no escaping changes. */
const CANARIES = [random, CODE];

let installation: Installation;
let banata: BanataSandbox;
let model: ScriptedModel;
let proxy: RecordingProxy;
let site: SignInSite;
let receiver: Server;
let person: Browser;
let sandbox: Sandbox;
let origin: string;
let modelUrl: string;
const received: string[] = [];

beforeAll(async () => {
  const port = await freePort();
  site = new SignInSite({ user: USER, password: PASSWORD, code: CODE });
  await site.listen(port);
  origin = `http://host.banata.internal:${port}`;
  receiver = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push(body);
      response.writeHead(204).end();
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const hook = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  model = await startScriptedModel({ apiKey: KEY });
  proxy = new RecordingProxy(model.port);
  const modelPort = await proxy.start();
  modelUrl = `http://127.0.0.1:${modelPort}/v1`;
  installation = await Installation.start({
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${modelPort}`,
    BANATA_HOST_PORTS: String(port),
    BANATA_WEBHOOK_ALLOW_HOSTS: hook,
    BANATA_LOG_LEVEL: 'debug',
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  await banata.webhooks.create({ url: `http://${hook}/` });
  person = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
  sandbox = await banata.launch({
    env: {
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: modelUrl,
      OPENAI_MODEL: 'acme/main-1',
    },
    // Films cost a core, and have nothing in their metadata that a page could give them.
    capabilities: {
      browser: { humanInLoop: true, recording: process.env['BANATA_TEST_ALL'] === '1' },
      agent: { enabled: true },
    },
  });
});

afterAll(async () => {
  await person?.close();
  await installation?.remove();
  await model?.close();
  proxy?.close();
  site?.close();
  receiver?.closeAllConnections();
  receiver?.close();
});

const by = (role: string, name: string): string => `getByRole('${role}', { name: '${name}' })`;
const type = (field: string, text: string): [string, object] => [
  'playwright_browser_type',
  { target: by('textbox', field), text },
];
const click = (button: string): [string, object] => [
  'playwright_browser_click',
  { target: by('button', button) },
];
const LOOK: [string, object] = ['playwright_browser_snapshot', {}];

/** A call of the agent's that asks for a person, who hands the next calls back to it. */
function asks(flags: string, next: [string, object][], reply: string): [string, object] {
  const resume = `${scenarioPrompt('tools', 'calls', next)} reply="${reply}"`;
  const command = `banata-request-handoff ${flags} --resume "$(cat <<'RESUME'\n${resume}\nRESUME\n)"`;
  return ['bash', { command, description: 'Asks for a person' }];
}

/** The link that the newest webhook brings for a request in this round of the test. */
function linkOf(message: string): Promise<string> {
  return until(`the webhook of "${message}"`, async () => {
    for (const body of received) {
      const { type: event, data } = JSON.parse(body) as WebhookPayload;
      if (event === 'sandbox.handoff.requested' && data['message'] === message)
        return data['viewerUrl'] as string;
    }
    return undefined;
  });
}

async function openForm(url: string, viewport: { width: number; height: number }): Promise<Page> {
  const page = await person.newPage({ viewport });
  await page.goto(url);
  await page.locator('canvas').first().waitFor({ timeout: WAIT_MS });
  await page.getByRole('form', { name: 'What is asked for' }).waitFor();
  return page;
}

async function send(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('heading', { name: 'Done. Thank you.' }).waitFor({ timeout: WAIT_MS });
  await page.close();
}

/** Which of the canaries stand in a text, also base64-encoded or as hex. */
function found(text: string): string[] {
  return CANARIES.filter(
    (canary) => text.includes(canary) || text.includes(Buffer.from(canary).toString('hex')),
  );
}

test('the agent signs in with what a person entered, and only the page gets to see it', async () => {
  const last: [string, object][] = [click('Verify'), LOOK];
  const middle: [string, object][] = [
    LOOK,
    type('E-mail', '{{secret:user}}'),
    [
      'playwright_browser_fill_form',
      {
        fields: [
          {
            name: 'Password',
            type: 'textbox',
            target: by('textbox', 'Password'),
            value: '{{secret:password}}',
          },
        ],
      },
    ],
    LOOK,
    click('Sign in'),
    LOOK,
    asks(
      '--reason mfa --message "The code, please." --field "code:Code from your phone:otp" --deliver type',
      last,
      'Signed in',
    ),
  ];
  const first = asks(
    '--reason login_failed --message "Please sign in." --field "user:E-mail:text" --field "password:Password: all of it:password"',
    middle,
    'Waiting for the code',
  );
  const calls = [['playwright_browser_navigate', { url: `${origin}/` }], first];
  const { taskId } = await sandbox.promptAsync(`${scenarioPrompt('tools', 'calls', calls)} reply="Waiting"`);

  const wide = await openForm(await linkOf('Please sign in.'), { width: 1280, height: 900 });
  expect(await wide.getByLabel('Password: all of it', { exact: true }).getAttribute('type')).toBe('password');
  expect(await wide.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
  await wide.getByLabel('E-mail').fill(USER);
  await wide.getByLabel('Password: all of it', { exact: true }).fill(PASSWORD);
  await shoot(wide, 'wide');
  await send(wide);

  const phone = await openForm(await linkOf('The code, please.'), { width: 390, height: 780 });
  const code = phone.getByLabel('Code from your phone');
  expect(await code.getAttribute('autocomplete')).toBe('one-time-code');
  await code.fill(CODE);
  await shoot(phone, 'phone');
  await send(phone);

  const task = await sandbox.waitForTask(taskId, { timeoutMs: 90_000 });
  expect(task).toMatchObject({ status: 'completed', resultText: 'Signed in' });
  expect(site.accepted).toEqual(['user', 'password', 'code']);
  const { data } = await sandbox.handoff.history();
  expect(data.map(({ deliver, filledAt, fields }) => [deliver, typeof filledAt, fields?.length])).toEqual([
    ['type', 'number', 1],
    ['placeholder', 'number', 2],
  ]);
});

test('an app fills the form itself; what does not fit leaves the request as it is', async () => {
  const refusal = (code: string): unknown => expect.objectContaining({ code });
  const fields = [{ name: 'code', label: 'Code', kind: 'otp' as const }];
  const { viewerUrl } = await sandbox.requestHumanHandoff({ reason: 'mfa', message: 'Again.', fields });
  const fill = (controller: string, values: Record<string, string>) =>
    sandbox.handoff.fill({ controller, values });
  await expect(fill('ada', { pin: CODE })).rejects.toEqual(refusal('HANDOFF_FIELDS_INVALID'));
  expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({ status: 'pending' });
  // The page has no field for it.
  await expect(fill('ada', { code: CODE })).rejects.toEqual(refusal('FIELD_NOT_FOUND'));
  await expect(fill('eve', { code: CODE })).rejects.toEqual(refusal('HANDOFF_TAKEN'));
  // Idempotency keys are not taken here, so that no reply or fingerprint of the values is kept.
  const reply = await fetch(`${installation.url}/v1/sandboxes/handoff/fill`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await installation.apiKey()}`,
      'content-type': 'application/json',
      'idempotency-key': 'fill-once',
    },
    body: JSON.stringify({ id: sandbox.id, controller: 'ada', values: { code: CODE }, more: CODE }),
  });
  expect([reply.status, found(await reply.text())]).toEqual([400, []]);
  expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({ status: 'accepted', controller: 'ada' });
  const late = await person.newPage();
  await late.goto(viewerUrl ?? '');
  await late.getByText('ada is at it.').first().waitFor();
  await late.close();
  await sandbox.completeHumanHandoff({ controller: 'ada' });
  expect((await sandbox.getHumanHandoff()).handoff?.filledAt).toBeUndefined();
});

test('what was entered is nowhere but in the page', async () => {
  // The last one that the work caused.
  await until('the webhooks have come', async () =>
    received.some((body) => body.includes('sandbox.agent.task.completed')) ? true : undefined,
  );
  const headers = { authorization: `Bearer ${await installation.apiKey()}` };
  const read = async (path: string): Promise<string> =>
    (await fetch(installation.url + path, { headers })).text();
  const runtime = JSON.stringify(await sandbox.agent.getRuntime());
  const { data: tasks } = await sandbox.agent.listTasks();
  const messages = JSON.stringify(
    await Promise.all(
      tasks.map(({ sessionId }) => sandbox.getMessages(sessionId === null ? {} : { sessionId, limit: 500 })),
    ),
  );
  const places: Record<string, string> = {
    'server log': await installation.log(),
    database: dumpDatabase(installation.home),
    'database files': grep(join(installation.home, 'postgres')),
    'kept objects': grep(join(installation.home, 'artifacts')),
    'console of the box': await consoleOf(),
    events: await read(`/v1/sandboxes/events?id=${sandbox.id}&limit=1000`),
    'audit log': await read('/v1/audit?limit=100'),
    webhooks: received.join('\n'),
    'requests to the model': proxy.text,
    messages,
    'tasks and their reports': runtime + JSON.stringify(tasks),
    preview: JSON.stringify(await sandbox.getPreview()),
    'files in the box': await grepBox(),
  };
  for (const [place, text] of Object.entries(places)) expect([place, found(text)]).toEqual([place, []]);
  // That they were looked for where they would be.
  expect(places['database']).toContain('Code from your phone');
  expect(places['console of the box']).toContain('agent.task');
  expect(places['server log']).toContain('handoff/link/fill');
  expect(places['requests to the model']).toContain('{{secret:password}}');
  expect(places['messages']).toContain('Your code was {{secret:code}}.');
  expect(places['tasks and their reports']).toContain('{{password}}');
  expect(places['preview']).toContain('code={{secret:code}}');
  const { stdout } = await sandbox.exec('cat /var/lib/banata/journal/*', undefined, { user: 'root' });
  expect(stdout).toContain('handoff.requested');
  expect(found(await shown())).toEqual([CODE]);
});

test('a detector asks for a person, the task that was at it waits, and goes on after them', async () => {
  const env = {
    OPENAI_API_KEY: KEY,
    OPENAI_BASE_URL: modelUrl,
    OPENAI_MODEL: 'acme/main-1',
  };
  const handoff = { detectors: ['login' as const] };
  await expect(banata.create({ capabilities: { browser: {}, handoff } })).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: expect.stringContaining('humanInLoop') as string,
  });
  const watched = await banata.launch({
    env,
    capabilities: { browser: { humanInLoop: true }, agent: { enabled: true }, handoff },
  });
  const calls = [
    ['playwright_browser_navigate', { url: `${origin}/?from=mail` }],
    [
      'bash',
      { command: 'timeout 100 sh -c "until [ -e /workspace/go ]; do sleep 0.1; done"', description: 'Waits' },
    ],
  ];
  const { taskId } = await watched.promptAsync(
    `${scenarioPrompt('tools', 'calls', calls)} reply="I stopped at the form"`,
  );
  await until('a person is asked for', async () => (await watched.getHumanHandoff()).handoff ?? undefined);
  await watched.fs.write('/workspace/go', '');
  await until('the task waits', async () =>
    (await watched.getAgentTask(taskId))?.status === 'waiting_for_human' ? true : undefined,
  );
  const { handoff: asked } = await watched.getHumanHandoff();
  expect(asked).toMatchObject({
    requestedBy: 'worker',
    reason: 'login_failed',
    status: 'pending',
    taskId,
    detected: { detector: 'login', evidence: 'password field "Password"', url: `${origin}/` },
  });
  await expect(watched.navigatePreview(origin)).rejects.toMatchObject({ code: 'CONTROL_HELD_BY_HUMAN' });
  await watched.acceptHumanHandoff({ controller: 'ada' });
  await watched.completeHumanHandoff({ note: 'Signed in' });
  const task = await watched.waitForTask(taskId, { timeoutMs: 60_000 });
  expect(task.status).toBe('completed');
  expect(proxy.text).toContain('The sandbox had asked for them: The page of host.banata.internal');
  expect(received.filter((body) => body.includes('"requestedBy":"worker"')).length).toBeGreaterThan(0);
  expect((await watched.handoff.history()).data).toHaveLength(1);
  await watched.kill();
});

/** What the page in front shows, as a program of the owner's sees it. */
async function shown(): Promise<string> {
  const { cdpUrl } = await sandbox.getPreview();
  const browser = await chromium.connectOverCDP(cdpUrl);
  const text = await browser.contexts()[0]!.pages()[0]!.locator('body').innerText();
  await browser.close();
  return text;
}

/** What the box's daemon has logged. */
async function consoleOf(): Promise<string> {
  const disks = join(installation.home, 'oci');
  const files = execFileSync('find', [disks, '-maxdepth', '5', '-name', 'console.log'], { encoding: 'utf8' });
  const texts = await Promise.all(
    files
      .trim()
      .split('\n')
      .map((path) => readFile(path, 'utf8')),
  );
  return texts.join('\n');
}

/** Lines of the host's files that hold a canary. */
function grep(folder: string): string {
  const patterns = CANARIES.flatMap((canary) => ['-e', canary]);
  try {
    return execFileSync('grep', ['-r', '-a', '-o', '-F', ...patterns, folder], { encoding: 'utf8' });
  } catch (error) {
    // 1: nothing was found.
    if ((error as { status?: number }).status === 1) return '';
    throw error;
  }
}

/** The same for all of the box but Chromium's own profile, which has the address of the page in its history. */
async function grepBox(): Promise<string> {
  // In pieces, so that the command itself is not what is found in the files of running commands.
  const patterns = CANARIES.map((canary) => `-e '${canary.slice(0, 4)}''${canary.slice(4)}'`).join(' ');
  const skip =
    '--exclude-dir=proc --exclude-dir=sys --exclude-dir=profile --exclude-dir=usr --exclude-dir=opt';
  const { stdout, exitCode } = await sandbox.exec(
    `grep -r -a -o -F -D skip ${skip} ${patterns} / 2>/dev/null`,
    undefined,
    {
      user: 'root',
      timeout: 60_000,
    },
  );
  expect([0, 1, 2]).toContain(exitCode);
  return stdout;
}

/** A picture of the page for people, where one is asked for. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env['BANATA_TEST_PICTURES'];
  if (folder !== undefined) await page.screenshot({ path: join(folder, `secret-form-${name}.png`) });
}
