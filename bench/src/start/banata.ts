import { setTimeout as sleep } from 'node:timers/promises';
import { startInstallation } from '../banata-installation.ts';
import type { Measured, StartScenario } from './scenario.ts';

/** Lets the warm boxes be refilled and the last sandbox be cleared away, so that runs do not disturb each other. */
const PAUSE_MS = 2_000;

/** Times from `create` to the output of the first command, with or without boxes that were started ahead. */
export async function measureBanata(kind: 'cold' | 'warm', scenario: StartScenario): Promise<Measured> {
  await using installation = await startInstallation(
    scenario.root,
    { BANATA_WARM: kind === 'warm' ? '2' : '0', BANATA_WARM_BROWSER: '0', BANATA_WARM_AGENT: '0' },
    scenario.signal,
  );
  const { client } = installation;
  const runs: Record<string, number>[] = [];
  const server: Record<string, number>[] = [];
  await sleep(PAUSE_MS);
  // The first run fills caches and is not counted.
  for (let index = -1; index < scenario.runs; index += 1) {
    scenario.progress(`banata ${kind} ${Math.max(0, index + 1)}/${scenario.runs}`);
    const began = performance.now();
    const sandbox = await client.launch({ signal: scenario.signal });
    const usable = performance.now();
    const { stdout } = await sandbox.exec('echo', ['hello'], { signal: scenario.signal });
    const done = performance.now();
    if (stdout !== 'hello\n') throw new Error(`The command answered ${JSON.stringify(stdout)}`);
    const steps = await installation.serverTimings(sandbox.id);
    await sandbox.kill();
    if (index >= 0) {
      runs.push({ total: done - began, untilUsable: usable - began, firstCommand: done - usable });
      server.push(steps);
    }
    await sleep(PAUSE_MS, undefined, { signal: scenario.signal });
  }
  return { runs, server };
}
