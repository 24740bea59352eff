import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AgentTask, BanataSandbox, Sandbox } from '@banata-boxes/sdk';
import { CliError } from '../cli-error.ts';
import { formatMs, type Output } from '../output.ts';
import { EventNarrator } from './narrate-event.ts';

export interface MainJob {
  client: BanataSandbox;
  output: Output;
  signal: AbortSignal;
  /** Environment of the sandbox, with its model. */
  env: Record<string, string>;
  prompt: string;
  /** Folder on this machine for what the job leaves. */
  folder: string;
}

/** What the main job left. Times in ms. */
export interface MainJobResult {
  sandboxId: string;
  viewerUrl: string | null;
  taskId: string;
  taskStatus: AgentTask['status'];
  resultText: string | null;
  reportPath: string;
  report: string;
  artifactKey: string;
  savedReport: string;
  savedScreenshot: string;
  timingsMs: Record<string, number>;
}

export const REPORT_PATH = '/workspace/report.md';

const TASK_LIMIT_MS = 15 * 60_000;
const KILL_LIMIT_MS = 30_000;

/** The whole way: launch, watch, prompt, follow, read, keep, end. */
export async function runMainJob(job: MainJob): Promise<MainJobResult> {
  const timings = new Timings(job.output);
  const sandbox = await timings.measure('launch', 'Sandbox with browser and agent', () =>
    job.client.launch({
      env: job.env,
      capabilities: { browser: {}, agent: { enabled: true } },
      metadata: { source: 'quickstart' },
      signal: job.signal,
    }),
  );
  job.output.say(`    id ${sandbox.id}`);
  try {
    const result = await work(job, sandbox, timings);
    return { ...result, timingsMs: timings.all };
  } finally {
    // Not the job's signal: the sandbox is ended after Ctrl-C too.
    await timings.measure('kill', 'Sandbox ended', () =>
      sandbox.kill({ signal: AbortSignal.timeout(KILL_LIMIT_MS) }),
    );
  }
}

async function work(
  job: MainJob,
  sandbox: Sandbox,
  timings: Timings,
): Promise<Omit<MainJobResult, 'timingsMs'>> {
  const { output, signal } = job;
  const viewerUrl = await sandbox.getPreviewViewerUrl({ signal });
  output.say(`    watch it live: ${viewerUrl ?? 'no preview'}`);
  const task = await timings.measure('task', 'Agent task', () => runTask(job, sandbox));
  if (task.status !== 'completed') throw taskFailure(task);
  const report = await timings.measure('read', `Read ${REPORT_PATH}`, () =>
    sandbox.fs.read(REPORT_PATH, { signal }),
  );
  await mkdir(job.folder, { recursive: true });
  const screenshot = await timings.measure('screenshot', 'Picture of the browser', () =>
    sandbox.screenshot({ signal }),
  );
  const savedScreenshot = join(job.folder, 'browser.png');
  await writeFile(savedScreenshot, screenshot);
  const savedReport = join(job.folder, basename(REPORT_PATH));
  const artifactKey = await timings.measure(
    'artifact',
    'Report kept as artifact and downloaded',
    async () => {
      const artifact = await sandbox.publishArtifact(REPORT_PATH, { signal });
      await writeFile(savedReport, await sandbox.artifacts.download(artifact.key, { signal }));
      return artifact.key;
    },
  );
  const { taskId, status: taskStatus, resultText } = task;
  return {
    sandboxId: sandbox.id,
    viewerUrl,
    taskId,
    taskStatus,
    resultText,
    reportPath: REPORT_PATH,
    report,
    artifactKey,
    savedReport,
    savedScreenshot,
  };
}

async function runTask(job: MainJob, sandbox: Sandbox): Promise<AgentTask> {
  const { output, signal } = job;
  const narrator = new EventNarrator();
  const began = performance.now();
  const { taskId } = await sandbox.promptAsync(job.prompt, { metadata: { source: 'quickstart' }, signal });
  return sandbox.waitForTask(taskId, {
    signal,
    timeoutMs: TASK_LIMIT_MS,
    onEvent: (event) => {
      const line = narrator.line(event);
      if (line !== undefined) output.say(`    ${formatMs(performance.now() - began).padStart(8)}  ${line}`);
    },
  });
}

function taskFailure(task: AgentTask): CliError {
  const reason = task.error ? `${task.error.code}: ${task.error.message}` : 'no reason given';
  return new CliError(
    `The agent’s task ended as ${task.status}: ${reason}`,
    'Check the model’s key and name; ./banata logs shows what the server saw. --demo runs without a model.',
  );
}

/** Times of the steps, told as they end. */
class Timings {
  readonly all: Record<string, number> = {};
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  async measure<T>(name: string, label: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.all[name] = Math.round(performance.now() - began);
    this.#output.say(`  ✓ ${label} (${formatMs(this.all[name])})`);
    return result;
  }
}
