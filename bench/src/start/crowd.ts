import { leaveMarks, lookForUse, type RunAsRoot } from '@banata/boxd/virgin-check';
import type { BanataSandbox, Sandbox } from '@banata-boxes/sdk';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Installation } from '../banata-installation.ts';
import type { StartScenario } from './scenario.ts';

/** How many sandboxes a crowd has. */
const COUNT = 30;
const STAGGER_MS = 150;
const SETTLE_MS = 3_000;

/** What came of many creates: times of those that worked, and whether each sandbox was new. */
export interface CrowdReport {
  runs: Record<string, number>[];
  /** Codes or messages of creates that failed. */
  errors: string[];
  /** Traces of an earlier use that a sandbox showed, or an identity that two had. */
  traces: string[];
}

/**
 * Creates 30 sandboxes at once, or one after each 150 ms. Each proves that nobody used it before; then all are used,
 * so that the next crowd would see what was handed on.
 */
export async function measureCrowd(
  kind: 'staggered' | 'burst',
  installation: Installation,
  scenario: StartScenario,
): Promise<CrowdReport> {
  const report: CrowdReport = { runs: [], errors: [], traces: [] };
  const { signal } = scenario;
  scenario.progress(`banata ${kind}, ${COUNT} sandboxes`);
  const outcomes = await Promise.allSettled(
    Array.from({ length: COUNT }, async (_, index) => {
      if (kind === 'staggered') await sleep(index * STAGGER_MS, undefined, { signal });
      return startOne(installation.client, signal);
    }),
  );
  const sandboxes = outcomes.flatMap((outcome) => {
    if (outcome.status === 'fulfilled') return [outcome.value];
    report.errors.push(String(outcome.reason));
    return [];
  });
  report.runs = sandboxes.map(({ times }) => times);
  const identities = new Set<string>();
  for (const { sandbox } of sandboxes) {
    const run = asRoot(sandbox);
    const { traces, identity } = await lookForUse(run);
    report.traces.push(...traces.map((trace) => `${sandbox.id}: ${trace}`));
    for (const one of identity) {
      if (identities.has(one)) report.traces.push(`${sandbox.id}: shares ${one}`);
      identities.add(one);
    }
    await leaveMarks(run, sandbox.id);
  }
  await Promise.all(sandboxes.map(({ sandbox }) => sandbox.kill()));
  await sleep(SETTLE_MS, undefined, { signal });
  return report;
}

async function startOne(
  client: BanataSandbox,
  signal: AbortSignal,
): Promise<{ sandbox: Sandbox; times: Record<string, number> }> {
  const began = performance.now();
  const sandbox = await client.launch({ signal });
  const usable = performance.now();
  const { stdout } = await sandbox.exec('echo', ['hello'], { signal });
  if (stdout !== 'hello\n') throw new Error(`The command answered ${JSON.stringify(stdout)}`);
  const done = performance.now();
  return {
    sandbox,
    times: { total: done - began, untilUsable: usable - began, firstCommand: done - usable },
  };
}

function asRoot(sandbox: Sandbox): RunAsRoot {
  return async (command) => (await sandbox.exec(command, undefined, { user: 'root' })).stdout;
}
