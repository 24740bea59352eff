import type { CliContext } from '../context.ts';
import { stat } from 'node:fs/promises';
import { CliError } from '../cli-error.ts';
import { followLog } from '../server/follow-log.ts';
import { findServer, isServer, readApiKey, type ServerInfo } from '../server/server-info.ts';
import { findOwner, type OwnerSignIn, ownerText } from '../server/owner-sign-in.ts';
import { startServer } from '../server/start-server.ts';
import { endProcess } from '../server/stop-server.ts';
import { buildPackages } from '../setup/build-packages.ts';
import { prepareImage } from '../setup/prepare-image.ts';

export interface UpOptions {
  detach?: boolean;
}

/** What `up --json` prints. */
export interface UpResult {
  apiUrl: string;
  appUrl: string;
  apiKey: string;
  /** Null once the password file is gone. */
  owner: OwnerSignIn | null;
  dataDir: string;
  pid: number;
}

const STOP_LIMIT_MS = 20_000;

/** Makes sure that the server runs, setting up what is missing. */
export async function ensureServer(context: CliContext): Promise<{ info: ServerInfo; wasRunning: boolean }> {
  const running = await findServer(context.config);
  if (running) return { info: running, wasRunning: true };
  await buildPackages(context);
  await prepareImage(context);
  return startServer(context);
}

export async function up(context: CliContext, options: UpOptions): Promise<void> {
  const { config, output } = context;
  const logStart = await stat(config.paths.serverLog).then(
    (file) => file.size,
    () => 0,
  );
  const { info, wasRunning } = await ensureServer(context);
  const result: UpResult = {
    apiUrl: info.apiUrl,
    appUrl: info.appUrl,
    apiKey: await readApiKey(config),
    owner: await findOwner(config),
    dataDir: config.home,
    pid: info.pid,
  };
  if (output.json) output.result(result);
  else describe(context, result, wasRunning);
  if (options.detach || wasRunning) return;
  output.say('\nThe server’s log follows; Ctrl-C stops the server.');
  await stayInForeground(context, info.pid, logStart);
}

function describe({ output }: CliContext, result: UpResult, wasRunning: boolean): void {
  output.say(wasRunning ? 'Banata is running already.' : 'Banata is running.');
  output.say(`  API        ${result.apiUrl}  (reference: ${result.apiUrl}/docs)`);
  output.say(`  Dashboard  ${result.appUrl}`);
  output.say(`  API key    ${result.apiKey}`);
  if (result.owner) output.say(`  Sign in    ${ownerText(result.owner)}`);
  output.say(`  Data       ${result.dataDir}`);
  output.say('  Stop with  ./banata down');
}

async function stayInForeground(context: CliContext, pid: number, logStart: number): Promise<void> {
  const { config, output, signal } = context;
  const log = followLog(config.paths.serverLog, {
    from: logStart,
    to: output.json ? process.stderr : process.stdout,
    isOver: async () => !(await isServer(pid)),
  });
  const stopped = new Promise<true>((resolve) => {
    if (signal.aborted) resolve(true);
    signal.addEventListener('abort', () => resolve(true), { once: true });
  });
  if (await Promise.race([log.then(() => false), stopped])) {
    await endProcess(pid, STOP_LIMIT_MS);
    await log;
    return;
  }
  throw new CliError(
    'The server has ended by itself',
    `Its log is ${config.paths.serverLog}; start it again with ./banata up.`,
  );
}
