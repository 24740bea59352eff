import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import type { WebhookPayload } from '@banata/protocol';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser } from 'playwright-core';
import { freePort, Installation } from './installation.ts';
import { until } from './until.ts';

const KEY = 'sk-handoff-7d21';
const LOGIN = `<!doctype html><title>Sign in</title><body style="margin:0">
<form action="/inside"><input name="code" autofocus autocomplete="off"
  style="position:absolute;left:0;top:0;width:100%;height:100%;font-size:60px"></form>`;
const INSIDE = '<!doctype html><title>Inside</title><h1>Welcome</h1>';

const WEBHOOKS = [
  'sandbox.handoff.requested',
  'sandbox.handoff.accepted',
  'sandbox.handoff.completed',
  'sandbox.handoff.cancelled',
  'sandbox.handoff.expired',
  'sandbox.agent.task.completed',
] as const;

/** An installation with a scripted model, a site that wants the code 1234, and somebody who takes the webhooks. */
export class HandoffRig {
  readonly installation: Installation;
  readonly banata: BanataSandbox;
  readonly model: ScriptedModel;
  /** Address of the site for sandboxes. */
  readonly origin: string;
  /** Paths that the site was asked for. */
  readonly visits: string[];
  readonly received: WebhookPayload[];
  readonly #servers: Server[];

  private constructor(
    parts: Omit<HandoffRig, 'launch' | 'webhook' | 'followUps' | 'remove'> & { servers: Server[] },
  ) {
    this.installation = parts.installation;
    this.banata = parts.banata;
    this.model = parts.model;
    this.origin = parts.origin;
    this.visits = parts.visits;
    this.received = parts.received;
    this.#servers = parts.servers;
  }

  static async start(): Promise<HandoffRig> {
    const visits: string[] = [];
    const received: WebhookPayload[] = [];
    const sitePort = await freePort();
    const site = createServer((request, response) => {
      const url = request.url ?? '/';
      visits.push(url);
      const code = new URL(url, 'http://localhost').searchParams.get('code');
      response.writeHead(200, { 'content-type': 'text/html' }).end(code === '1234' ? INSIDE : LOGIN);
    });
    site.listen(sitePort, '127.0.0.1');
    const receiver = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        received.push(JSON.parse(body) as WebhookPayload);
        response.writeHead(204).end();
      });
    });
    receiver.listen(0, '127.0.0.1');
    await Promise.all([once(site, 'listening'), once(receiver, 'listening')]);
    const receiverPort = (receiver.address() as AddressInfo).port;
    const model = await startScriptedModel({ apiKey: KEY });
    const installation = await Installation.start({
      BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
      BANATA_HOST_PORTS: String(sitePort),
      BANATA_WEBHOOK_ALLOW_HOSTS: `127.0.0.1:${receiverPort}`,
    });
    const banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
    await banata.webhooks.create({ url: `http://127.0.0.1:${receiverPort}/`, eventTypes: [...WEBHOOKS] });
    const origin = `http://host.banata.internal:${sitePort}`;
    const servers = [site, receiver];
    return new HandoffRig({ installation, banata, model, origin, visits, received, servers });
  }

  launch(options: { browser?: object | null; agent?: boolean } = {}): Promise<Sandbox> {
    const { browser = { humanInLoop: true }, agent = true } = options;
    const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: this.model.baseUrl, OPENAI_MODEL: 'acme/main-1' };
    return this.banata.launch({
      env,
      capabilities: {
        ...(browser ? { browser } : {}),
        ...(agent ? { agent: { enabled: true } } : {}),
      },
    });
  }

  /** Waits for a webhook about one request or task. */
  webhook(type: string, id: string): Promise<WebhookPayload> {
    return until(`the webhook ${type}`, async () =>
      this.received.find((payload) => payload.type === type && JSON.stringify(payload).includes(id)),
    );
  }

  /** First requests to the model after prompts that say that a person is done. */
  followUps(needle: string): ScriptedModel['requests'] {
    return this.model.requests.filter(
      ({ prompt, step }) =>
        step === 0 && prompt.includes('has given control back') && prompt.includes(needle),
    );
  }

  async remove(): Promise<void> {
    await this.installation.remove();
    await this.model.close();
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}

/** The browser of a person. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
}

/** Gives the agent a scenario in which it asks for a person, and waits until its task waits. */
export async function ask(
  sandbox: Sandbox,
  resume: string,
  more = '',
): Promise<{ taskId: string; requestId: string }> {
  const { taskId } = await sandbox.promptAsync(
    `SCENARIO:handoff ${more} resume="${resume.replaceAll('"', String.raw`\"`)}"`,
  );
  await untilWaiting(sandbox, taskId);
  const { handoff } = await sandbox.getHumanHandoff();
  return { taskId, requestId: handoff?.requestId ?? '' };
}

/** Resolves once a task waits for a person. */
export async function untilWaiting(sandbox: Sandbox, taskId: string): Promise<void> {
  await until('the task waits', async () =>
    (await sandbox.getAgentTask(taskId))?.status === 'waiting_for_human' ? true : undefined,
  );
}
