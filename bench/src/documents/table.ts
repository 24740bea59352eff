import type { Summary } from '../statistics.ts';
import type { DocumentsReport } from './scenario.ts';

/** The figures of a report for people. */
export function documentsTable({ machine, cold, warm, parallel, command }: DocumentsReport): string {
  return [
    `documents, ms (${machine.cores} × ${machine.cpu}, load before ${machine.loadBefore.toFixed(1)})`,
    `${''.padEnd(36)}${['p50', 'p95', 'max'].map((name) => name.padStart(9)).join('')}`,
    row('first of a new sandbox, md → pdf', cold),
    ...Object.entries(warm).map(([name, summary]) => row(name, summary)),
    `${row('20 at once, md → pdf', parallel)}   ${parallel.perSecond}/s`,
    row('libreoffice --convert-to pdf, docx', command),
  ].join('\n');
}

function row(name: string, { median, p95, max }: Summary): string {
  return name.padEnd(36) + [median, p95, max].map((value) => value.toFixed(1).padStart(9)).join('');
}
