import { importBase } from '../base-image.ts';
import { startDocker } from '../docker-engine.ts';
import type { FilesScenario, Moves } from './scenario.ts';
import type { Workload } from './work.ts';

const IMAGE = 'banata-bench';

/** Moves the workload with `docker cp`. */
export async function withDocker<T>(
  scenario: FilesScenario,
  work: Workload,
  measure: (moves: Moves) => Promise<T>,
): Promise<T & { version: string }> {
  await using engine = await startDocker(scenario.signal);
  await importBase(engine, IMAGE, scenario);
  const id = (await engine.docker(['run', '--detach', '--init', IMAGE, 'sleep', 'infinity'])).trim();
  await engine.docker(['exec', id, 'mkdir', '-p', '/workspace/small']);
  const copy = async (from: string, to: string): Promise<void> =>
    void (await engine.docker(['cp', '--quiet', from, to]));
  const figures = await measure({
    bigUp: () => copy(work.big, `${id}:/workspace/big`),
    bigDown: () => copy(`${id}:/workspace/big`, work.back),
    smallUp: () => copy(`${work.small}/.`, `${id}:/workspace/small`),
    smallDown: () => copy(`${id}:/workspace/small`, work.back),
    forget: async () =>
      void (await engine.docker(['exec', id, 'sh', '-c', 'rm -rf /workspace/small/* /workspace/big'])),
  });
  await engine.docker(['rm', '--force', id]);
  return { ...figures, version: engine.version };
}
