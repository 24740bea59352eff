import type { Summary } from '../statistics.ts';
import type { ExecReport } from './scenario.ts';

/** The figures of a report for people. */
export function execTable({ banata, docker, machine, dockerOverBanata }: ExecReport): string {
  const lines = [
    `exec of true, ms (${machine.cores} × ${machine.cpu}, load before ${machine.loadBefore.toFixed(1)})`,
    `${''.padEnd(32)}${['p50', 'p95', 'p99', 'max'].map((name) => name.padStart(9)).join('')}`,
    row('Banata, one after the other', banata.sequential),
    `${row('Banata, 8 in parallel', banata.parallel)}   ${banata.parallelPerSecond}/s`,
  ];
  if ('sequential' in docker) {
    lines.push(
      row(`docker exec ${docker.version}, one by one`, docker.sequential),
      `${row('docker exec, 8 in parallel', docker.parallel)}   ${docker.parallelPerSecond}/s`,
    );
  } else lines.push(`Docker: ${docker.unavailable}`);
  if (dockerOverBanata) {
    const { p50, p99, parallelP50 } = dockerOverBanata;
    lines.push(
      `docker exec takes ${p50} × as long at p50, ${p99} × at p99, ${parallelP50} × with 8 in parallel.`,
    );
  }
  return lines.join('\n');
}

function row(title: string, { median, p95, p99, max }: Summary): string {
  return title.padEnd(32) + [median, p95, p99, max].map((value) => value.toFixed(1).padStart(9)).join('');
}
