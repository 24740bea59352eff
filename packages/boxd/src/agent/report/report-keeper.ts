import { type TaskReport, taskReportSchema } from '@banata/protocol/box';
import { readFile } from 'node:fs/promises';
import type { BoxLogger } from '../../services.ts';
import { writeFileAtomically } from '../atomic-file.ts';
import type { EventPublisher } from '../events/publisher.ts';

/** What the command hands in; the time is the daemon's. */
export const submittedReportSchema = taskReportSchema.omit({ completedAt: true });
export type SubmittedReport = Omit<TaskReport, 'completedAt'>;

export interface ReportKeeperOptions {
  file: string;
  publisher: EventPublisher;
  logger: BoxLogger;
  /** Ids of the tasks that run now. */
  runningTasks: () => string[];
}

/** Keeps the last task report, also over a restart, and tells of each new one. */
export class ReportKeeper {
  readonly #options: ReportKeeperOptions;
  #last: TaskReport | null = null;

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
    const report: TaskReport = { ...submitted, completedAt: Date.now() };
    const running = this.#options.runningTasks();
    const taskId = running.length === 1 ? (running[0] ?? null) : null;
    await writeFileAtomically(this.#options.file, JSON.stringify(report));
    this.#last = report;
    await this.#options.publisher.publish({ type: 'task.report', data: { taskId, report } });
    return taskId;
  }
}
