import type { Summary } from '../statistics.ts';
import type { BrowserReport } from './scenario.ts';

/** The figures of a report for people. */
export function browserTable({ session, inputToPixel, scroll, machine }: BrowserReport): string {
  const lines = [
    `browser, ms (${machine.cores} × ${machine.cpu}, load before ${machine.loadBefore.toFixed(1)})`,
    `${''.padEnd(32)}${['median', 'p95', 'max', 'runs'].map((name) => name.padStart(9)).join('')}`,
    ...Object.entries(session).map(([name, summary]) => row(name, summary)),
    row('live view: key to pixels', inputToPixel),
    `live view while scrolling: ${scroll.framesPerSecond} frames/s, ${scroll.megabytesPerSecond} MB/s packed (ZRLE)`,
  ];
  return lines.join('\n');
}

function row(title: string, { median, p95, max, count }: Summary): string {
  const figures = [median, p95, max].map((value) => value.toFixed(1).padStart(9));
  return title.padEnd(32) + figures.join('') + String(count).padStart(9);
}
