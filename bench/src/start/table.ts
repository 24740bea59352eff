import type { Summary } from '../statistics.ts';
import type { StartReport } from './scenario.ts';

/** The figures of a report for people. */
export function startTable(report: StartReport): string {
  const { banata, docker, machine } = report;
  const lines = [
    `create → first command's output, ms (${machine.cores} × ${machine.cpu}, load before ${machine.loadBefore.toFixed(1)})`,
    `${''.padEnd(39)}${'median'.padStart(9)}${'p95'.padStart(9)}${'min'.padStart(9)}${'max'.padStart(9)}`,
    ...rows('Banata, warm', banata.warm.steps),
    ...rows('  in the server', banata.warm.server),
    ...rows('Banata, cold', banata.cold.steps),
    ...rows('  in the server', banata.cold.server),
    ...crowdRows('30, one each 150 ms', banata.staggered),
    ...crowdRows('30 at once', banata.burst),
    ...rows('with browser, warm', banata.browserWarm.steps),
    ...rows('with browser, cold', banata.browserCold.steps),
    ...('steps' in docker
      ? rows(`Docker ${docker.version}`, docker.steps)
      : [`Docker: ${docker.unavailable}`]),
  ];
  const { dockerOverBanata: factor } = report;
  if (factor)
    lines.push(`Docker takes ${factor.cold} × as long as cold and ${factor.warm} × as long as warm.`);
  return lines.join('\n');
}

function crowdRows(title: string, { steps, errors, traces }: StartReport['banata']['burst']): string[] {
  const total = steps['total'];
  const facts = `  ${total?.count ?? 0} made, ${errors.length} failed, ${traces.length} traces of an earlier use`;
  return [
    ...rows(title, total ? { total } : {}),
    facts,
    ...[...errors, ...traces].map((line) => `    ${line}`),
  ];
}

function rows(title: string, steps: Record<string, Summary>): string[] {
  return Object.entries(steps).map(([name, summary], index) => {
    const label = (index === 0 ? title : '').padEnd(24) + name;
    const figures = [summary.median, summary.p95, summary.min, summary.max].map((value) =>
      value.toFixed(1).padStart(9),
    );
    return `${label.padEnd(38)} ${figures.join('')}`;
  });
}
