import {
  boxCodeRequestSchema,
  type BoxCodeRequest,
  type BoxExecResult,
  type Runtime,
} from '@banata/protocol/box';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandRunner } from '../exec/command-runner.ts';
import type { CommandSpec } from '../exec/command-spec.ts';
import { respond } from '../exec/service.ts';
import type { BoxRequest, BoxRoute } from '../http/route.ts';
import type { Account, BoxEnvironment } from '../services.ts';
import { planCodeRun } from './languages.ts';

export interface CodeDependencies {
  environment: BoxEnvironment;
  runner: CommandRunner;
  commandEnv: (account: Account) => Record<string, string>;
  /** Runtime the box was configured for. */
  runtime: () => Runtime;
}

/** Creates the part that runs a piece of code: `POST /code`, answered like `POST /exec`. */
export function createCodeService(deps: CodeDependencies): { routes: BoxRoute[] } {
  const handle = async (request: BoxRequest): Promise<BoxExecResult | undefined> => {
    const body = await request.json(boxCodeRequestSchema);
    const plan = planCodeRun(body.language, deps.runtime(), deps.environment.workspace);
    const base = baseSpec(body, deps);
    if (plan.from === 'stdin') {
      const spec = { ...base, program: plan.program, args: plan.args, stdin: body.code };
      return await respond(request, spec, deps.runner);
    }
    const directory = join(deps.environment.runDir, 'code', randomBytes(12).toString('hex'));
    try {
      const file = await writeCode(directory, plan.fileName, body.code);
      const spec = {
        ...base,
        program: plan.program,
        args: [...plan.args, file],
        env: { ...base.env, ...plan.env },
      };
      return await respond(request, spec, deps.runner);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
  return { routes: [{ method: 'POST', path: '/code', handle }] };
}

function baseSpec(body: BoxCodeRequest, deps: CodeDependencies): Omit<CommandSpec, 'program' | 'args'> {
  const { accounts, workspace } = deps.environment;
  return {
    cwd: workspace,
    env: deps.commandEnv(accounts.user),
    account: accounts.user,
    timeoutMs: body.timeoutMs,
    maxOutputBytes: body.maxOutputBytes,
  };
}

// The folder stays root's, so that removing it as root cannot be led astray by a symbolic link; its name is the
// secret that keeps other accounts out.
async function writeCode(directory: string, fileName: string, code: string): Promise<string> {
  await mkdir(join(directory, '..'), { recursive: true, mode: 0o711 });
  await mkdir(directory, { mode: 0o755 });
  const file = join(directory, fileName);
  await writeFile(file, code, { mode: 0o644, flag: 'wx' });
  return file;
}
