import type { IsolationReport } from './scenario.ts';

/** The figures of a report for people. */
export function isolationTable({ machine, rounds, rows }: IsolationReport): string {
  const { cores, cpu, loadBefore } = machine;
  return [
    `both isolations, medians of ${rounds} rounds, ms (${cores} × ${cpu}, load before ${loadBefore.toFixed(1)})`,
    `${''.padEnd(50)}${['container', 'gvisor', 'ratio'].map((name) => name.padStart(11)).join('')}`,
    ...rows.map(({ name, container, gvisor }) => {
      const figures = [container.toFixed(0), gvisor.toFixed(0), (gvisor / container).toFixed(1)];
      return name.padEnd(50) + figures.map((figure) => figure.padStart(11)).join('');
    }),
  ].join('\n');
}
