import type { Summary } from '../statistics.ts';
import type { CheckpointReport } from './scenario.ts';

/** The figures of a report for people. */
export function checkpointTable(report: CheckpointReport): string {
  const { banata, archive, docker, machine } = report;
  const others = 'trees' in docker ? docker.trees : undefined;
  return [
    `checkpoints, ms (${machine.cores} × ${machine.cpu}, load before ${machine.loadBefore.toFixed(1)})`,
    `${''.padEnd(48)}${['median', 'min', 'max', 'runs'].map((name) => name.padStart(9)).join('')}`,
    ...Object.entries(banata).flatMap(([tree, steps]) => [
      ...rows(`${tree}: Banata`, steps),
      ...rows(`${tree}: tar.zst`, archive[tree as keyof typeof archive]),
      ...(others
        ? rows(`${tree}: docker commit, run`, others[tree as keyof typeof others])
        : [`Docker: ${(docker as { unavailable: string }).unavailable}`]),
    ]),
  ].join('\n');
}

function rows(title: string, steps: Record<string, Summary>): string[] {
  return Object.entries(steps).map(([step, { median, min, max, count }], index) => {
    const label = (index === 0 ? title : '').padEnd(30) + step;
    const figures = [median.toFixed(1), min.toFixed(1), max.toFixed(1), String(count)];
    return `${label.padEnd(48)}${figures.map((figure) => figure.padStart(9)).join('')}`;
  });
}
