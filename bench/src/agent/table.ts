import type { Summary } from '../statistics.ts';
import type { AgentReport } from './scenario.ts';

/** The figures of a report for people. */
export function agentTable(report: AgentReport): string {
  const { machine, reply, firstModelRequest, sameSession, direct, added } = report;
  return [
    `agent, ms, ${direct.count} prompts of each kind (${machine.cores} × ${machine.cpu}, load before ${machine.loadBefore.toFixed(1)})`,
    `${''.padEnd(58)}${['p50', 'p95', 'max'].map((name) => name.padStart(9)).join('')}`,
    row('prompt-async → its answer', reply),
    row('prompt-async → first model request, new session', firstModelRequest),
    row('prompt-async → first model request, same session', sameSession),
    row('OpenCode directly → first model request, new session', direct),
    `${'what the platform adds, median of the differences'.padEnd(58)}${added.toFixed(1).padStart(9)}`,
  ].join('\n');
}

function row(name: string, { median, p95, max }: Summary): string {
  return name.padEnd(58) + [median, p95, max].map((value) => value.toFixed(1).padStart(9)).join('');
}
