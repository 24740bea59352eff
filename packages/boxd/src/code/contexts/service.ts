import {
  boxContextRunSchema,
  boxContextStartSchema,
  type BoxContext,
  type BoxContextResult,
  type ContextLanguage,
} from '@banata/protocol/box';
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BoxError, type BoxRequest, type BoxRoute } from '../../http/route.ts';
import { SseStream } from '../../http/sse.ts';
import type { Account, BoxEnvironment } from '../../services.ts';
import { CodeContext } from './code-context.ts';

const MAX_CONTEXTS = 8;

export interface ContextDependencies {
  environment: BoxEnvironment;
  commandEnv: (account: Account) => Record<string, string>;
  /** How to start the interpreter of a language. */
  kernels: Record<'node' | 'python', readonly [string, ...string[]]>;
}

export interface ContextService {
  routes: BoxRoute[];
  stop(): Promise<void>;
}

/** Creates the part that keeps interpreters alive between calls: `/contexts`. */
export function createContextService(deps: ContextDependencies): ContextService {
  const contexts = new Map<string, CodeContext>();
  const find = ({ params }: BoxRequest): CodeContext => {
    const found = contexts.get(params['id'] ?? '');
    if (!found) throw new BoxError(404, 'CONTEXT_NOT_FOUND', `There is no context ${params['id']}`);
    return found;
  };

  const create = async (request: BoxRequest): Promise<BoxContext> => {
    const body = await request.json(boxContextStartSchema);
    if (contexts.size >= MAX_CONTEXTS)
      throw new BoxError(
        429,
        'TOO_MANY_CONTEXTS',
        `${MAX_CONTEXTS} contexts are alive already; delete one first`,
      );
    const cwd = resolve(deps.environment.workspace, body.cwd);
    const id = randomBytes(12).toString('hex');
    const context = await startContext(deps, { id, language: body.language, cwd });
    contexts.set(id, context);
    try {
      await context.whenReady();
    } catch (error) {
      contexts.delete(id);
      await context.close();
      throw error;
    }
    return context.view();
  };

  const remove = async (request: BoxRequest): Promise<object> => {
    const context = find(request);
    contexts.delete(request.params['id'] ?? '');
    await context.close();
    return { ok: true };
  };

  const interrupt = (request: BoxRequest): Promise<BoxContext> => {
    const context = find(request);
    context.interrupt();
    return Promise.resolve(context.view());
  };

  const restart = async (request: BoxRequest): Promise<BoxContext> => {
    const context = find(request);
    await context.restart();
    return context.view();
  };

  const routes: BoxRoute[] = [
    { method: 'POST', path: '/contexts', handle: create },
    {
      method: 'GET',
      path: '/contexts',
      handle: () => Promise.resolve({ contexts: [...contexts.values()].map((context) => context.view()) }),
    },
    { method: 'DELETE', path: '/contexts/{id}', handle: remove },
    { method: 'POST', path: '/contexts/{id}/run', handle: (request) => run(request, find(request)) },
    { method: 'POST', path: '/contexts/{id}/interrupt', handle: interrupt },
    { method: 'POST', path: '/contexts/{id}/restart', handle: restart },
  ];
  const stop = async (): Promise<void> => {
    await Promise.all([...contexts.values()].map((context) => context.close()));
    contexts.clear();
  };
  return { routes, stop };
}

async function startContext(
  { environment, commandEnv, kernels }: ContextDependencies,
  { id, language, cwd }: { id: string; language: ContextLanguage; cwd: string },
): Promise<CodeContext> {
  const found = await stat(cwd).catch(() => undefined);
  if (!found?.isDirectory()) throw new BoxError(400, 'CWD_NOT_FOUND', `cwd: there is no directory ${cwd}`);
  const account = environment.accounts.user;
  const command = kernels[language === 'python' ? 'python' : 'node'];
  return new CodeContext({ id, language, command, cwd, env: commandEnv(account), account });
}

/** The result as JSON, or with `Accept: text/event-stream` the output as it comes and then the result. */
async function run(request: BoxRequest, context: CodeContext): Promise<BoxContextResult | undefined> {
  const body = await request.json(boxContextRunSchema);
  if (!request.raw.headers.accept?.includes('text/event-stream'))
    return await context.run({ ...body, observer: {}, signal: request.signal });
  const stream = new SseStream(request.response, request.signal);
  let sending: Promise<void> = Promise.resolve();
  const onText = (event: 'stdout' | 'stderr', text: string): void => {
    // Text is bounded by the run, so that what waits for a slow reader is too.
    sending = sending.then(() => stream.send({ event, data: JSON.stringify({ text }) }));
    sending.catch(() => undefined);
  };
  const result = await context.run({ ...body, observer: { onText }, signal: request.signal });
  await sending;
  await stream.send({ event: 'result', data: JSON.stringify(result) });
  stream.end();
  return undefined;
}
