import { join, relative } from 'node:path';
import { BanataError } from '@banata-boxes/sdk';
import { CliError } from '../cli-error.ts';
import { clientFor } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { formatMs, plainText } from '../output.ts';
import { type MainJobResult, REPORT_PATH, runMainJob } from '../quickstart/main-job.ts';
import { modelEnvironment } from '../quickstart/model-variables.ts';
import { findServer } from '../server/server-info.ts';
import { ensureServer } from './up.ts';

export interface QuickstartOptions {
  demo?: boolean;
}

const PROMPT =
  'Open https://example.com in the browser with your browser tools and read it. Follow the link on it and read that ' +
  `page too. Then write a report of both pages to ${REPORT_PATH} in Markdown: a title, the addresses, what each page ` +
  'says in your own words, and what you conclude. When the file is written, run banata-complete-task.';

const DEMO_PROMPT = `Compare the offers on the page in /workspace/site and write a report to ${REPORT_PATH}.`;

/** Runs the main job against the server of this installation, which is set up and started where needed. */
export async function quickstart(context: CliContext, options: QuickstartOptions): Promise<void> {
  const began = performance.now();
  const { output } = context;
  const demo = options.demo ?? false;
  const running = await findServer(context.config);
  const env = modelEnvironment(context.env, { demo, serverMayHaveModel: running !== undefined });
  if (demo)
    output.say(
      'Demo: the model is a fixed script of this server, not an AI. Everything it drives is real.\n',
    );
  const { info, wasRunning } = await ensureServer(context);
  output.say(`Server at ${info.apiUrl} (${wasRunning ? 'was running' : 'started'})`);
  const result = await runMainJob({
    client: await clientFor(context, info),
    output,
    signal: context.signal,
    env,
    prompt: demo ? DEMO_PROMPT : PROMPT,
    folder: join(process.cwd(), 'banata-quickstart'),
  }).catch((error: unknown) => {
    throw explain(error);
  });
  const totalMs = Math.round(performance.now() - began);
  if (output.json) output.result({ ...result, demo, totalMs, apiUrl: info.apiUrl, appUrl: info.appUrl });
  else summarize(context, result, totalMs);
}

function explain(error: unknown): unknown {
  if (!(error instanceof BanataError) || error.code !== 'MODEL_NOT_CONFIGURED') return error;
  return new CliError(error.message, `${error.suggestion} Or run ./banata quickstart --demo.`, {
    cause: error,
  });
}

function summarize({ output }: CliContext, result: MainJobResult, totalMs: number): void {
  output.say(`\n${REPORT_PATH} begins:`);
  for (const line of result.report.split('\n').slice(0, 12)) output.say(`  | ${plainText(line)}`);
  output.say(
    `\nReport    ${relative(process.cwd(), result.savedReport)}  (artifact ${plainText(result.artifactKey)})`,
  );
  output.say(`Browser   ${relative(process.cwd(), result.savedScreenshot)}`);
  output.say(`Whole job ${formatMs(totalMs)}. The server goes on running: ./banata status, ./banata down.`);
}
