import type { BoxTask } from '@banata/protocol/box';
import type { SubmittedReport } from '../report/report-keeper.ts';
import type { Recording } from './step-recorder.ts';

const MAX_RESULT = 16 * 1024;
/** Texts the report holds beside its steps. */
const MAX_REPORT = 256 * 1024;

/** The report of a task whose agent handed in none: what it was seen to do. */
export function derivedReport(task: BoxTask, { steps, troubles, isCut, mask }: Recording): SubmittedReport {
  const lines: string[] = [];
  for (const [index, step] of steps.entries()) {
    lines.push(...troublesAfter(troubles, index), `${index + 1}. ${step.description}`);
  }
  lines.push(...troublesAfter(troubles, steps.length));
  if (isCut) lines.push('(There were further steps, more than a report holds.)');
  const visited = [...new Set(steps.flatMap(({ urlAfter }) => (urlAfter === null ? [] : [urlAfter])))];
  if (visited.length > 0) lines.push(`Pages visited: ${visited.join(' ')}`);
  const url = visited.at(-1);
  const durationMs = task.startedAt === null ? undefined : (task.finishedAt ?? Date.now()) - task.startedAt;
  const result = mask(task.resultText ?? '').slice(0, MAX_RESULT);
  const { inputTokens, outputTokens, costUsd, modelCalls } = task.usage;
  return {
    result: result.trim() === '' ? 'The task ended without a text.' : result,
    report:
      lines.length === 0
        ? 'The agent used no tool that changes anything.'
        : lines.join('\n').slice(0, MAX_REPORT),
    ...(url === undefined ? {} : { url }),
    stepsCompleted: steps.length,
    actions: steps.map(({ description }) => description),
    ...(durationMs === undefined ? {} : { durationMs }),
    usage: { inputTokens, outputTokens, costUsd, modelCalls },
    steps,
    derived: true,
  };
}

function troublesAfter(troubles: Recording['troubles'], count: number): string[] {
  return troubles
    .filter(({ after }) => after === count)
    .map(({ text }) => `(${text}; what follows got round it)`);
}
