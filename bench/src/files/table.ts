import type { Summary } from '../statistics.ts';
import type { FilesReport } from './scenario.ts';

const TITLES = {
  bigUp: '100 MiB file, up',
  bigDown: '100 MiB file, down',
  smallUp: '10,000 small files, up',
  smallDown: '10,000 small files, down',
};

/** The figures of a report for people. */
export function filesTable({ banata, docker, machine, bigBytes, dockerOverBanata }: FilesReport): string {
  const lines = [
    `files, ms (${machine.cores} × ${machine.cpu}, load before ${machine.loadBefore.toFixed(1)})`,
    `${''.padEnd(40)}${['median', 'min', 'max', 'MB/s'].map((name) => name.padStart(9)).join('')}`,
  ];
  for (const [step, title] of Object.entries(TITLES) as [keyof typeof TITLES, string][]) {
    const bytes = step.startsWith('big') ? bigBytes : undefined;
    lines.push(row(`Banata, ${title}`, banata[step], bytes));
    if ('bigUp' in docker) lines.push(row(`docker cp ${docker.version}, ${title}`, docker[step], bytes));
  }
  if (!('bigUp' in docker)) lines.push(`Docker: ${docker.unavailable}`);
  if (dockerOverBanata) {
    const parts = Object.entries(TITLES).map(
      ([step, title]) => `${dockerOverBanata[step as keyof typeof TITLES]} × (${title})`,
    );
    lines.push(`docker cp takes as long as Banata: ${parts.join(', ')}.`);
  }
  return lines.join('\n');
}

function row(title: string, { median, min, max }: Summary, bytes: number | undefined): string {
  const figures = [median, min, max].map((value) => value.toFixed(0).padStart(9)).join('');
  const rate = bytes === undefined ? '' : (bytes / 1e6 / (median / 1000)).toFixed(0).padStart(9);
  return title.padEnd(40) + figures + rate;
}
