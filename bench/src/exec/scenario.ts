import type { Sandbox } from '@banata-boxes/sdk';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeMachine, type Machine } from '../machine.ts';
import { startInstallation } from '../banata-installation.ts';
import { importBase, type BaseImageOptions } from '../base-image.ts';
import { startDocker } from '../docker-engine.ts';
import { summarize, type Summary } from '../statistics.ts';

const IMAGE = 'banata-bench';
const PARALLEL = 8;
const SETTLE_MS = 2_000;

export interface ExecScenario extends BaseImageOptions {
  /** Calls one after the other; the parallel part makes as many for each of its eight callers' share. */
  runs: number;
}

interface ExecFigures {
  sequential: Summary;
  /** Each call's own time, eight under way. */
  parallel: Summary;
  /** Calls a second of the eight together. */
  parallelPerSecond: number;
}

export interface ExecReport {
  scenario: 'exec';
  at: string;
  machine: Machine;
  banata: ExecFigures;
  docker: (ExecFigures & { version: string }) | { unavailable: string };
  dockerOverBanata: { p50: number; p99: number; parallelP50: number } | null;
}

/** Measures `true` in a running sandbox over HTTP, and in a running container with `docker exec`, in the same run. */
export async function runExecScenario(scenario: ExecScenario): Promise<ExecReport> {
  const machine = describeMachine();
  const banata = await measureBanata(scenario);
  const docker = await measureDocker(scenario).catch((error: unknown) => {
    scenario.signal.throwIfAborted();
    return { unavailable: error instanceof Error ? error.message : String(error) };
  });
  return {
    scenario: 'exec',
    at: new Date().toISOString(),
    machine,
    banata,
    docker,
    dockerOverBanata:
      'sequential' in docker
        ? {
            p50: ratio(docker.sequential.median, banata.sequential.median),
            p99: ratio(docker.sequential.p99, banata.sequential.p99),
            parallelP50: ratio(docker.parallel.median, banata.parallel.median),
          }
        : null,
  };
}

async function measureBanata(scenario: ExecScenario): Promise<ExecFigures> {
  await using installation = await startInstallation(scenario.root, { BANATA_WARM: '0' }, scenario.signal);
  await using sandbox: Sandbox = await installation.client.launch({ signal: scenario.signal });
  await sleep(SETTLE_MS);
  return await measure('banata', scenario, async () => {
    const { exitCode } = await sandbox.exec('true', [], { signal: scenario.signal });
    if (exitCode !== 0) throw new Error(`true ended with ${exitCode}`);
  });
}

async function measureDocker(scenario: ExecScenario): Promise<ExecFigures & { version: string }> {
  await using engine = await startDocker(scenario.signal);
  await importBase(engine, IMAGE, scenario);
  const id = (await engine.docker(['run', '--detach', '--init', IMAGE, 'sleep', 'infinity'])).trim();
  await sleep(SETTLE_MS);
  const figures = await measure(
    'docker',
    scenario,
    async () => void (await engine.docker(['exec', id, 'true'])),
  );
  await engine.docker(['rm', '--force', id]);
  return { ...figures, version: engine.version };
}

async function measure(
  name: string,
  { runs, progress }: ExecScenario,
  call: () => Promise<void>,
): Promise<ExecFigures> {
  progress(`${name}: one after the other`);
  // The first calls fill caches and are not counted.
  for (let index = 0; index < 5; index += 1) await call();
  const sequential: number[] = [];
  for (let index = 0; index < runs; index += 1) sequential.push(await timed(call));
  progress(`${name}: ${PARALLEL} in parallel`);
  const parallel: number[] = [];
  const began = performance.now();
  const share = Math.ceil(runs / PARALLEL);
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let index = 0; index < share; index += 1) parallel.push(await timed(call));
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  return {
    sequential: summarize(sequential),
    parallel: summarize(parallel),
    parallelPerSecond: Math.round(parallel.length / seconds),
  };
}

async function timed(call: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await call();
  return performance.now() - began;
}

function ratio(docker: number, banata: number): number {
  return Math.round((docker / banata) * 10) / 10;
}
