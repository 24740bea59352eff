import type { Sandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { startInstallation } from '../banata-installation.ts';
import { describeMachine, type Machine } from '../machine.ts';
import { summarize, type Summary } from '../statistics.ts';
import { directPromptProgram } from './direct-prompt.ts';

/** Of the one model that the scenario plays. */
const MODEL_KEY = 'bench-model-key-0123456789';
const WARM_UP_RUNS = 3;
const PROGRAM = '/tmp/direct-prompt.mjs';

export interface AgentScenario {
  root: string;
  /** Prompts of each kind. */
  runs: number;
  signal: AbortSignal;
  progress: (note: string) => void;
}

export interface AgentReport {
  scenario: 'agent';
  at: string;
  machine: Machine;
  /** From the call of prompt-async to its answer, ms. */
  reply: Summary;
  /** From the call of prompt-async, without a session, to the first model request, ms. */
  firstModelRequest: Summary;
  /** The same in a session that is there. */
  sameSession: Summary;
  /** From the call to make a session of the OpenCode server, made in the sandbox, to the first model request, ms. */
  direct: Summary;
  /** Median of what prompt-async takes longer than the direct way in the same round, ms. */
  added: number;
}

interface Prompted {
  replyMs: number;
  firstRequestMs: number;
  sessionId: string | null;
}

/**
 * Measures how long a prompt takes to reach the model through the platform and without it, turn by turn in one
 * sandbox. The model is one on this machine that answers at once; both ways lead to it through the model gateway.
 */
export async function runAgentScenario({
  root,
  runs,
  signal,
  progress,
}: AgentScenario): Promise<AgentReport> {
  const machine = describeMachine();
  const model = await startScriptedModel({ apiKey: MODEL_KEY });
  try {
    const settings = { BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}` };
    await using installation = await startInstallation(root, settings, signal);
    await using sandbox = await installation.client.launch({
      env: { OPENAI_API_KEY: MODEL_KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'bench/model' },
      capabilities: { agent: { enabled: true } },
      idleTimeoutMs: null,
      signal,
    });
    await sandbox.fs.write(PROGRAM, directPromptProgram);
    const rounds = { fresh: [] as Prompted[], same: [] as Prompted[], direct: [] as number[] };
    for (let index = -WARM_UP_RUNS; index < runs; index += 1) {
      if (index % 5 === 0) progress(`round ${index} of ${runs}`);
      const fresh = await throughPlatform(sandbox, model, { name: `fresh${index}`, signal });
      const direct = await directly(sandbox, model, { name: `direct${index}`, signal });
      const { sessionId } = fresh;
      const same = await throughPlatform(sandbox, model, { name: `same${index}`, sessionId, signal });
      if (index < 0) continue;
      rounds.fresh.push(fresh);
      rounds.direct.push(direct);
      rounds.same.push(same);
    }
    const added = rounds.fresh.map(
      ({ firstRequestMs }, index) => firstRequestMs - (rounds.direct[index] ?? 0),
    );
    return {
      scenario: 'agent',
      at: new Date().toISOString(),
      machine,
      reply: summarize([...rounds.fresh, ...rounds.same].map(({ replyMs }) => replyMs)),
      firstModelRequest: summarize(rounds.fresh.map(({ firstRequestMs }) => firstRequestMs)),
      sameSession: summarize(rounds.same.map(({ firstRequestMs }) => firstRequestMs)),
      direct: summarize(rounds.direct),
      added: summarize(added).median,
    };
  } finally {
    await model.close();
  }
}

async function throughPlatform(
  sandbox: Sandbox,
  model: ScriptedModel,
  options: { name: string; sessionId?: string | null; signal: AbortSignal },
): Promise<Prompted> {
  const { name, sessionId, signal } = options;
  const beganAt = now();
  const { taskId } = await sandbox.agent.promptAsync(promptNamed(name), {
    ...(sessionId ? { sessionId } : {}),
    signal,
  });
  const replyMs = now() - beganAt;
  const task = await sandbox.agent.waitForTask(taskId, { timeoutMs: 60_000, signal });
  if (task.status !== 'completed') throw new Error(`${name} ${task.status}: ${task.error?.message}`);
  return { replyMs, firstRequestMs: arrivalOf(model, name) - beganAt, sessionId: task.sessionId };
}

async function directly(
  sandbox: Sandbox,
  model: ScriptedModel,
  { name, signal }: { name: string; signal: AbortSignal },
): Promise<number> {
  const { stdout, stderr, exitCode } = await sandbox.exec('node', [PROGRAM, promptNamed(name)], { signal });
  if (exitCode !== 0) throw new Error(`${name} failed: ${stderr}`);
  const { beganAt } = JSON.parse(stdout) as { beganAt: number };
  return arrivalOf(model, name) - beganAt;
}

function promptNamed(name: string): string {
  return `SCENARIO:text reply=done name=${name}.`;
}

function arrivalOf(model: ScriptedModel, name: string): number {
  const request = model.requests.find(({ prompt }) => prompt.includes(`name=${name}.`));
  if (!request) throw new Error(`the model was not asked for ${name}`);
  return request.at;
}

/** The clock of `RecordedRequest.at`, finer. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
