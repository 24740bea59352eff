import { boxExecRequestSchema, type BoxExecRequest, type BoxExecResult } from '@banata/protocol/box';
import { resolve } from 'node:path';
import { BoxError, type BoxRequest, type BoxRoute } from '../http/route.ts';
import { SseStream } from '../http/sse.ts';
import type { Account, BoxEnvironment } from '../services.ts';
import type { CommandRunner } from './command-runner.ts';
import type { CommandSpec } from './command-spec.ts';
import { streamCommand } from './stream-command.ts';

export interface ExecDependencies {
  environment: BoxEnvironment;
  runner: CommandRunner;
  /** Environment of the account's commands. */
  commandEnv: (account: Account) => Record<string, string>;
}

/** Where standard input comes as base64; a path of its own, so that a daemon that is older refuses it. */
const BYTES_PATH = '/exec/stdin-base64';

/** Creates the part that runs commands: `POST /exec`, and the same for standard input that is no text. */
export function createExecService(deps: ExecDependencies): { routes: BoxRoute[] } {
  const handle = async (request: BoxRequest): Promise<BoxExecResult | undefined> => {
    const spec = toSpec(await request.json(boxExecRequestSchema), deps);
    return await respond(request, spec, deps.runner);
  };
  const handleBytes = async (request: BoxRequest): Promise<BoxExecResult | undefined> => {
    const spec = toSpec(await request.json(boxExecRequestSchema), deps);
    const stdin = Buffer.from(spec.stdin ?? '', 'base64');
    return await respond(request, { ...spec, stdin }, deps.runner);
  };
  return {
    routes: [
      { method: 'POST', path: '/exec', handle },
      { method: 'POST', path: BYTES_PATH, handle: handleBytes },
    ],
  };
}

/**
 * Runs a command for a request: the result as JSON, or with `Accept: text/event-stream` its output as it comes
 * (`stdout` and `stderr` events of `{ text }`) and then the `result`.
 */
export async function respond(
  request: BoxRequest,
  spec: CommandSpec,
  runner: CommandRunner,
): Promise<BoxExecResult | undefined> {
  const command = await runner.start(spec, request.signal);
  if (!request.raw.headers.accept?.includes('text/event-stream')) {
    return 'result' in command ? await command.result() : command;
  }
  await streamCommand(command, new SseStream(request.response, request.signal));
  return undefined;
}

function toSpec(
  body: BoxExecRequest,
  { environment, commandEnv }: ExecDependencies,
): CommandSpec & { stdin: string | undefined } {
  const wrong = Object.keys(body.env).find((name) => name === '' || name.includes('='));
  if (wrong !== undefined) {
    throw new BoxError(400, 'INVALID_FIELD', `env: ${JSON.stringify(wrong)} is not a variable name`);
  }
  const account = environment.accounts[body.user];
  const shell = body.args === undefined;
  return {
    program: shell ? '/bin/bash' : body.command,
    args: shell ? ['-c', body.command] : (body.args ?? []),
    cwd: resolve(environment.workspace, body.cwd),
    env: { ...commandEnv(account), ...body.env },
    account,
    stdin: body.stdin,
    timeoutMs: body.timeoutMs,
    maxOutputBytes: body.maxOutputBytes,
  };
}
