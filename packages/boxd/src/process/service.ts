import {
  boxProcessSignalSchema,
  boxProcessStartSchema,
  boxProcessStdinSchema,
  type BoxProcess,
} from '@banata/protocol/box';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoxError, type BoxRequest, type BoxRoute } from '../http/route.ts';
import { SseStream } from '../http/sse.ts';
import type { Account, BoxEnvironment, BoxLogger } from '../services.ts';
import type { BackgroundProcess } from './background-process.ts';
import { followOutput, readChunk, type Offsets } from './follow-output.ts';
import { ProcessKeeper } from './process-keeper.ts';

const MAX_WAIT_MS = 60_000;
const MAX_READ_BYTES = 4 * 1024 * 1024;

export interface ProcessDependencies {
  environment: BoxEnvironment;
  commandEnv: (account: Account) => Record<string, string>;
  /** Path of `banata-supervise`. */
  supervisor: string;
  /** What is kept of each output stream, bytes. */
  outputBytes: () => number;
  logger: BoxLogger;
}

export interface ProcessService {
  routes: BoxRoute[];
  /** Finds the processes that a daemon before this one started. */
  open(): Promise<void>;
  stop(): Promise<void>;
}

/** Creates the part that keeps background processes: `/processes`. */
export function createProcessService(deps: ProcessDependencies): ProcessService {
  const { environment, commandEnv, logger, supervisor, outputBytes } = deps;
  const { user, root } = environment.accounts;
  const keeper = new ProcessKeeper({
    directory: join(environment.stateDir, 'processes'),
    supervisor,
    accounts: { user, root },
    outputBytes,
    logger,
  });

  const start = async (request: BoxRequest): Promise<BoxProcess> => {
    const body = await request.json(boxProcessStartSchema);
    const account = environment.accounts[body.user];
    const shell = body.args === undefined;
    const started = await keeper.start(body, {
      program: shell ? '/bin/bash' : body.command,
      args: shell ? ['-c', body.command] : (body.args ?? []),
      cwd: resolve(environment.workspace, body.cwd),
      env: { ...commandEnv(account), ...checkNames(body.env) },
      account,
    });
    return await started.view();
  };

  const find = ({ params }: BoxRequest): BackgroundProcess => keeper.get(params['id'] ?? '');

  const routes: BoxRoute[] = [
    { method: 'POST', path: '/processes', handle: start },
    {
      method: 'GET',
      path: '/processes',
      handle: async () => ({ processes: await Promise.all(keeper.list().map((found) => found.view())) }),
    },
    {
      method: 'GET',
      path: '/processes/{id}',
      handle: async (request) => await find(request).view(),
    },
    {
      method: 'GET',
      path: '/processes/{id}/output',
      handle: (request) => readOutput(find(request), request),
    },
    {
      method: 'POST',
      path: '/processes/{id}/stdin',
      handle: (request) => writeInput(find(request), request),
    },
    {
      method: 'POST',
      path: '/processes/{id}/signal',
      handle: async (request) => {
        const { signal } = await request.json(boxProcessSignalSchema);
        return await (await keeper.signal(request.params['id'] ?? '', signal)).view();
      },
    },
    { method: 'GET', path: '/processes/{id}/wait', handle: (request) => waitForEnd(find(request), request) },
  ];
  return { routes, open: () => keeper.open(), stop: () => keeper.close() };
}

async function readOutput(found: BackgroundProcess, request: BoxRequest): Promise<object | undefined> {
  const offsets = offsetsOf(request);
  if (request.raw.headers.accept?.includes('text/event-stream')) {
    await followOutput(found, offsets, new SseStream(request.response, request.signal));
    return undefined;
  }
  const asked = Number(request.url.searchParams.get('maxBytes') ?? 1024 * 1024);
  const maxBytes = Math.min(Math.max(1, asked || 1), MAX_READ_BYTES);
  const over = found.isOver;
  const stdout = await readChunk(found, 'stdout', { offset: offsets.stdout, maxBytes });
  const stderr = await readChunk(found, 'stderr', { offset: offsets.stderr, maxBytes });
  const ended =
    over &&
    stdout.nextOffset >= (await found.files.size('stdout')) &&
    stderr.nextOffset >= (await found.files.size('stderr'));
  return { stdout, stderr, ended };
}

async function writeInput(found: BackgroundProcess, request: BoxRequest): Promise<object> {
  const body = await request.json(boxProcessStdinSchema);
  const data = Buffer.from(body.data, body.encoding);
  if (data.length > 0) await found.write(data);
  if (body.close) await found.closeStdin();
  return { written: data.length };
}

async function waitForEnd(found: BackgroundProcess, request: BoxRequest): Promise<BoxProcess> {
  const ms = Math.min(Number(request.url.searchParams.get('timeoutMs') ?? 0) || 0, MAX_WAIT_MS);
  const timer = new AbortController();
  const signal = AbortSignal.any([request.signal, timer.signal]);
  await Promise.race([found.ended, sleep(ms, undefined, { signal }).catch(() => undefined)]);
  timer.abort();
  return await found.view();
}

function checkNames(env: Record<string, string>): Record<string, string> {
  const wrong = Object.keys(env).find((name) => name === '' || name.includes('='));
  if (wrong !== undefined)
    throw new BoxError(400, 'INVALID_FIELD', `env: ${JSON.stringify(wrong)} is not a variable name`);
  return env;
}

/** From the query, or from the id of the last event that the caller has. */
function offsetsOf({ url, raw }: BoxRequest): Offsets {
  const last = /^(\d{1,15})-(\d{1,15})$/.exec(String(raw.headers['last-event-id'] ?? ''));
  if (last) return { stdout: Number(last[1]), stderr: Number(last[2]) };
  const offset = (name: string): number => {
    const text = url.searchParams.get(name) ?? '0';
    if (!/^\d{1,15}$/.test(text))
      throw new BoxError(400, 'INVALID_FIELD', `${name} must be a whole number of bytes from 0 on`);
    return Number(text);
  };
  return { stdout: offset('stdoutOffset'), stderr: offset('stderrOffset') };
}
