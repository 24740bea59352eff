import { type BoxTask, type TaskReport, taskReportSchema } from '@banata/protocol/box';
import { readFile } from 'node:fs/promises';
import type { BoxLogger } from '../../services.ts';
import { writeFileAtomically } from '../../atomic-file.ts';
import type { EventPublisher } from '../events/publisher.ts';
import { derivedReport } from '../steps/derived-report.ts';
import type { Recording } from '../steps/step-recorder.ts';

/** What the command hands in; the time is the daemon's, and the steps are what it saw. */
export const submittedReportSchema = taskReportSchema.omit({ completedAt: true, steps: true, derived: true });
export type SubmittedReport = Omit<TaskReport, 'completedAt'>;

export interface ReportKeeperOptions {
  file: string;
  publisher: EventPublisher;
  logger: BoxLogger;
  /** Ids of the tasks that run now. */
  runningTasks: () => string[];
  /** What a running task was seen to do. */
  recording: (taskId: string) => Promise<Recording | null>;
}

/** Keeps the last task report, also over a restart, and tells of each new one. */
export class ReportKeeper {
  readonly #options: ReportKeeperOptions;
  #last: TaskReport | null = null;
  /** Running tasks that handed in a report of their own. */
  readonly #reported = new Set<string>();

  constructor(options: ReportKeeperOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const text = await readFile(this.#options.file, 'utf8').catch(() => null);
    if (text === null) return;
    try {
      this.#last = taskReportSchema.parse(JSON.parse(text));
    } catch (error) {
      this.#options.logger.warn('agent.report.damaged', { error });
    }
  }

  last(): TaskReport | null {
    return this.#last;
  }

  /** Resolves to the id of the task the report belongs to: the one that runs, if it is exactly one. */
  async submit(submitted: SubmittedReport): Promise<string | null> {
    const running = this.#options.runningTasks();
    const taskId = running.length === 1 ? (running[0] ?? null) : null;
    const recording = taskId === null ? null : await this.#options.recording(taskId);
    const steps = recording === null || recording.steps.length === 0 ? {} : { steps: recording.steps };
    if (taskId !== null) this.#reported.add(taskId);
    const masked = recording === null ? submitted : maskedReport(submitted, recording.mask);
    await this.#keep({ ...masked, ...steps, completedAt: Date.now() }, taskId);
    return taskId;
  }

  /** Sees to it that a task that completed has a report. Never rejects. */
  async complete(task: BoxTask, recording: Recording): Promise<void> {
    const hasOwn = this.#reported.delete(task.taskId);
    // What a skill did is told step by step in its own result.
    if (hasOwn || task.status !== 'completed' || task.replay !== null || task.usage.modelCalls === 0) return;
    const report = { ...derivedReport(task, recording), completedAt: Date.now() };
    try {
      await this.#keep(report, task.taskId);
    } catch (error) {
      this.#options.logger.error('agent.report.derived', { taskId: task.taskId, error });
    }
  }

  async #keep(report: TaskReport, taskId: string | null): Promise<void> {
    await writeFileAtomically(this.#options.file, JSON.stringify(report));
    this.#last = report;
    await this.#options.publisher.publish({ type: 'task.report', data: { taskId, report } });
  }
}

/** The model may name in its words what it entered as a secret. */
function maskedReport(report: SubmittedReport, mask: Recording['mask']): SubmittedReport {
  const { result, url, actions } = report;
  return {
    ...report,
    result: mask(result),
    report: mask(report.report),
    ...(url === undefined ? {} : { url: mask(url) }),
    ...(actions === undefined ? {} : { actions: actions.map(mask) }),
  };
}
