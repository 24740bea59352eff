import { BanataError } from './error.ts';
import { followEvents } from './follow-events.ts';
import type { Transport } from './transport.ts';
import type { AgentState, BanataEvent, Preview, SandboxSession } from './types.ts';
import { watch } from './watch.ts';

/** Parts of a sandbox that come up one after the other. */
interface Parts {
  sandbox: boolean;
  browser: boolean;
  agent: boolean;
}

/**
 * Waits until a sandbox takes work and the browser and the agent that it was created with are up.
 * @throws BanataError `SANDBOX_FAILED`, `SANDBOX_ENDED`, `BROWSER_FAILED`, `AGENT_FAILED` or `TIMEOUT`.
 */
export async function waitUntilUsable(
  transport: Transport,
  session: SandboxSession,
  options: { timeoutMs: number; elapsedMs?: number; signal?: AbortSignal | undefined },
): Promise<SandboxSession> {
  const { id } = session;
  const { timeoutMs, elapsedMs = 0, signal: callerSignal } = options;
  const missing = neededParts(session);
  missing.sandbox = !['ready', 'active'].includes(session.status);
  if (isComplete(missing)) return session;
  const done = await watch<true>({
    timeoutMs: Math.max(0, timeoutMs - elapsedMs),
    signal: callerSignal,
    stream: async (signal) => {
      for await (const event of followEvents(transport, { id, scope: 'sandbox', after: 0, signal })) {
        // What came up before the sandbox was resumed or restored is gone.
        if (event.createdAt >= (session.readyAt ?? 0)) noteEvent(event, missing);
        if (isComplete(missing)) return true;
      }
      return undefined;
    },
    poll: async (signal) => {
      await ask(transport, id, missing, signal);
      return isComplete(missing) ? true : undefined;
    },
    onTimeout: () =>
      new BanataError({
        status: 0,
        code: 'TIMEOUT',
        message: `Sandbox ${id} was not usable within ${timeoutMs} ms; still missing: ${namesOf(missing)}`,
        suggestion: 'Give a longer timeout, or look into the server log for what takes so long.',
        details: { sandboxId: id },
      }),
  });
  return done && getSession(transport, id, callerSignal);
}

function getSession(
  transport: Transport,
  id: string,
  signal: AbortSignal | undefined,
): Promise<SandboxSession> {
  return transport.json({ method: 'GET', path: '/v1/sandboxes', query: { id }, signal });
}

function neededParts({ capabilities }: SandboxSession): Parts {
  const browser = capabilities?.browser;
  return {
    sandbox: true,
    browser: browser !== undefined && browser !== null && browser.mode !== 'none',
    agent: capabilities?.agent?.enabled ?? capabilities?.opencode?.enabled ?? false,
  };
}

function isComplete(missing: Parts): boolean {
  return !missing.sandbox && !missing.browser && !missing.agent;
}

function namesOf(missing: Parts): string {
  return Object.entries(missing)
    .flatMap(([name, isMissing]) => (isMissing ? [name] : []))
    .join(', ');
}

function noteEvent(event: BanataEvent, missing: Parts): void {
  switch (event.type) {
    case 'sandbox.ready':
      missing.sandbox = false;
      break;
    case 'sandbox.browser.ready':
      missing.browser = false;
      break;
    case 'sandbox.agent.ready':
      missing.agent = false;
      break;
    case 'sandbox.failed':
      throw failure(
        'SANDBOX_FAILED',
        `Sandbox ${event.sandboxId} failed`,
        event.data.reason,
        event.sandboxId,
      );
    case 'sandbox.ended':
      throw failure('SANDBOX_ENDED', `Sandbox ${event.sandboxId} ended`, event.data.reason, event.sandboxId);
    case 'sandbox.browser.failed':
      if (missing.browser) throw browserFailed(event.sandboxId, event.data.reason);
      break;
    case 'sandbox.agent.failed':
      if (missing.agent) throw agentFailed(event.sandboxId, event.data.reason);
      break;
    default:
  }
}

async function ask(transport: Transport, id: string, missing: Parts, signal: AbortSignal): Promise<void> {
  const session = await getSession(transport, id, signal);
  if (session.status === 'failed')
    throw failure('SANDBOX_FAILED', `Sandbox ${id} failed`, session.endReason, id);
  if (session.status === 'ended' || session.status === 'ending') {
    throw failure('SANDBOX_ENDED', `Sandbox ${id} is ${session.status}`, session.endReason, id);
  }
  if (session.status !== 'ready' && session.status !== 'active') return;
  missing.sandbox = false;
  if (missing.browser) await askBrowser(transport, id, missing, signal);
  if (missing.agent) await askAgent(transport, id, missing, signal);
}

async function askBrowser(
  transport: Transport,
  id: string,
  missing: Parts,
  signal: AbortSignal,
): Promise<void> {
  const preview = await transport
    .json<Preview>({ method: 'GET', path: '/v1/sandboxes/browser-preview', query: { id }, signal })
    .catch((error: unknown) => {
      if (error instanceof BanataError && error.code === 'BROWSER_NOT_READY') return undefined;
      throw error;
    });
  if (preview?.status === 'failed') throw browserFailed(id, preview.reason);
  if (preview?.status === 'ready') missing.browser = false;
}

async function askAgent(
  transport: Transport,
  id: string,
  missing: Parts,
  signal: AbortSignal,
): Promise<void> {
  const agent = await transport.json<AgentState>({
    method: 'GET',
    path: '/v1/sandboxes/agent/state',
    query: { id },
    signal,
  });
  if (agent.state === 'failed') throw agentFailed(id, agent.reason);
  if (agent.state !== 'starting') missing.agent = false;
}

function browserFailed(id: string, reason: string | null): BanataError {
  return failure('BROWSER_FAILED', `The browser of sandbox ${id} did not start`, reason, id);
}

function agentFailed(id: string, reason: string | null): BanataError {
  return failure('AGENT_FAILED', `The agent of sandbox ${id} did not start`, reason, id);
}

function failure(code: string, what: string, reason: string | null, sandboxId: string): BanataError {
  return new BanataError({
    status: 0,
    code,
    message: `${what}: ${reason ?? 'no reason given'}`,
    suggestion: 'Create a new sandbox; if that fails too, look into the server log.',
    details: { sandboxId, reason },
  });
}
