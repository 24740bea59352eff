import path from 'node:path';

import { DriverError } from '../driver.ts';
import type { BoxIsolation } from '../driver.ts';
import type { RunCommand } from './command.ts';
import type { Logger } from './logger.ts';
import { runc } from './runc.ts';
import { inspectRunsc, runsc } from './runsc.ts';
import { Runtime } from './runtime.ts';
import type { OciSettings } from './settings.ts';

/** The runtimes that this host has, by the isolation they give. */
export class Runtimes {
  readonly #byIsolation: ReadonlyMap<BoxIsolation, Runtime>;
  readonly #runscPath: string;

  private constructor(byIsolation: ReadonlyMap<BoxIsolation, Runtime>, runscPath: string) {
    this.#byIsolation = byIsolation;
    this.#runscPath = runscPath;
  }

  /** Looks for the runtimes that the settings name. The folders of their state must exist. */
  static async open(settings: OciSettings, run: RunCommand): Promise<Runtimes> {
    const { paths, isolation, isolations, runscPath, logger } = settings;
    const byIsolation = new Map([['container' as BoxIsolation, new Runtime(runc(), paths.runtimeRoot, run)]]);
    const gvisor = await openGvisor(settings, run, logger);
    if (gvisor) byIsolation.set('gvisor', gvisor);
    const runtimes = new Runtimes(byIsolation, runscPath);
    if (isolations.includes('gvisor')) {
      if (isolation === 'gvisor') runtimes.get('gvisor');
      else if (!gvisor)
        logger.warn({ runsc: runscPath }, 'gVisor is not on this host; boxes cannot ask for it');
    }
    return runtimes;
  }

  /** @throws {@link DriverError} HOST_UNSUITABLE saying what the host lacks. */
  get(isolation: BoxIsolation): Runtime {
    const found = this.#byIsolation.get(isolation);
    if (found) return found;
    throw new DriverError(
      'HOST_UNSUITABLE',
      `The isolation "gvisor" needs runsc, and there is no program "${this.#runscPath}" on this host. ` +
        'Debian has the package runsc (in Debian 12: apt-get install -t bookworm-backports runsc).',
    );
  }

  /** Isolations that boxes can have here. */
  present(): BoxIsolation[] {
    return [...this.#byIsolation.keys()];
  }

  /** Names of all containers, running or not. */
  async containers(): Promise<string[]> {
    const lists = await Promise.all([...this.#byIsolation.values()].map((runtime) => runtime.containers()));
    return lists.flat();
  }

  /** Forgets a container, whose processes must have ended. */
  async forget(name: string): Promise<void> {
    for (const runtime of this.#byIsolation.values()) await runtime.forget(name);
  }
}

async function openGvisor(
  { paths, isolations, runscPath }: OciSettings,
  run: RunCommand,
  logger: Logger,
): Promise<Runtime | undefined> {
  // Asked for or not: boxes of an earlier run may be gVisor's.
  const asked = isolations.includes('gvisor');
  const host = asked ? await inspectRunsc(runscPath, path.dirname(paths.runscRoot)) : undefined;
  if (asked && !host) return undefined;
  if (host) logger.info({ version: host.version, confused: host.confused }, 'gVisor found');
  return new Runtime(runsc(runscPath, host ?? { version: 'unknown', confused: false }), paths.runscRoot, run);
}
