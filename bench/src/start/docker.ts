import { setTimeout as sleep } from 'node:timers/promises';
import { importBase } from '../base-image.ts';
import { startDocker } from '../docker-engine.ts';
import type { Measured, StartScenario } from './scenario.ts';

const IMAGE = 'banata-bench';
const PAUSE_MS = 500;

/** The same through Docker Engine: `docker run -d`, then `docker exec`, with the same base file tree. */
export async function measureDocker(scenario: StartScenario): Promise<Measured & { version: string }> {
  await using engine = await startDocker(scenario.signal);
  await importBase(engine, IMAGE, scenario);
  const runs: Record<string, number>[] = [];
  for (let index = -1; index < scenario.runs; index += 1) {
    scenario.progress(`docker ${Math.max(0, index + 1)}/${scenario.runs}`);
    const began = performance.now();
    const id = (await engine.docker(['run', '--detach', '--init', IMAGE, 'sleep', 'infinity'])).trim();
    const usable = performance.now();
    const stdout = await engine.docker(['exec', id, 'echo', 'hello']);
    const done = performance.now();
    if (stdout !== 'hello\n') throw new Error(`The command answered ${JSON.stringify(stdout)}`);
    await engine.docker(['rm', '--force', id]);
    if (index >= 0)
      runs.push({ total: done - began, untilUsable: usable - began, firstCommand: done - usable });
    await sleep(PAUSE_MS, undefined, { signal: scenario.signal });
  }
  return { runs, server: [], version: engine.version };
}
