import { writeSync } from 'node:fs';
import { Session, type Runtime } from 'node:inspector';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { promiseHooks } from 'node:v8';
import { constants, Script } from 'node:vm';
import { IMPORT_NAME, rewriteImports } from './rewrite-imports.ts';

/*
 * The interpreter of a JavaScript context: Node's own inspector evaluates, with the semantics of its console
 * (top-level await, redeclaration; "replMode" of the DevTools protocol's Runtime.evaluate). Commands come as lines of
 * JSON on fd 3, messages go out on fd 4; standard output is the code's own, with a mark at the end of each run.
 * SIGINT interrupts.
 */

type Outcome =
  | { kind: 'value'; value: Runtime.EvaluateReturnType }
  | { kind: 'failed'; name: string; value: string; traceback: string[] };

interface Command {
  op: 'run';
  id: string;
  code: string;
  language: 'javascript' | 'typescript';
  mark: string;
}

const MAX_TEXT = 100_000;
const MAX_JSON = 1_000_000;
const HOOK = Symbol.for('banata.evaluate');
const globals = globalThis as unknown as Record<string | symbol, unknown>;
const session = new Session();
// A script whose run SIGINT can break off; what it calls runs within it.
const breakable = new Script('globalThis[Symbol.for("banata.evaluate")]()');
const abandoned: Set<Promise<unknown>>[] = [];
let interrupt: (() => void) | undefined;

function write(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function send(message: object): void {
  write(4, `${JSON.stringify(message)}\n`);
}

function failed(name: string, value: string, traceback: string[] = []): Outcome {
  return { kind: 'failed', name, value, traceback };
}

function evaluate(expression: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const interrupted = (): void => resolve(failed('Interrupted', 'The run was interrupted'));
    interrupt = interrupted;
    globals[HOOK] = () => {
      session.post(
        'Runtime.evaluate',
        { expression, replMode: true, objectGroup: 'run' } as Runtime.EvaluateParameterType,
        (error: Error | null, value: Runtime.EvaluateReturnType) => {
          resolve(error ? failed('Interrupted', 'The run was interrupted') : { kind: 'value', value });
        },
      );
    };
    try {
      breakable.runInThisContext({ breakOnSigint: true });
    } catch {
      interrupted();
    }
  });
}

function report(id: string, outcome: Outcome): void {
  if (outcome.kind === 'failed') {
    const { name, value, traceback } = outcome;
    send({ type: 'error', id, name, value, traceback });
    return;
  }
  const { result, exceptionDetails } = outcome.value;
  if (exceptionDetails) reportException(id, exceptionDetails);
  else if (result.type !== 'undefined') reportResult(id, result);
}

function reportException(id: string, { exception, text }: Runtime.ExceptionDetails): void {
  const description = (exception?.description ?? inspect(exception?.value ?? text)).slice(0, MAX_TEXT);
  const lines = description
    .split('\n')
    .filter((line) => !/node:inspector|banata|node:vm|<computed>/.test(line));
  const [first = ''] = lines;
  const name = exception?.className ?? 'Error';
  send({ type: 'error', id, name, value: first.replace(/^\w+: /, ''), traceback: lines });
}

function reportResult(id: string, result: Runtime.RemoteObject): void {
  if (result.objectId === undefined) {
    const value: unknown = result.value;
    const text = result.unserializableValue ?? inspect(value);
    const json = result.unserializableValue === undefined ? { 'application/json': value } : {};
    send({ type: 'result', id, main: true, data: { 'text/plain': text.slice(0, MAX_TEXT), ...json } });
    return;
  }
  globals[HOOK] = describe;
  const call = {
    objectId: result.objectId,
    functionDeclaration: 'function () { return globalThis[Symbol.for("banata.evaluate")](this); }',
    returnByValue: true,
  };
  session.post('Runtime.callFunctionOn', call, (error, reply?: Runtime.CallFunctionOnReturnType) => {
    const data: unknown = error ? undefined : reply?.result.value;
    send({ type: 'result', id, main: true, data: data ?? { 'text/plain': result.description ?? '' } });
  });
}

/** Text of an object, and JSON where it is plain data. */
function describe(value: unknown): Record<string, unknown> {
  const text = inspect(value, { depth: 4, maxArrayLength: 200 }).slice(0, MAX_TEXT);
  const prototype: unknown = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined;
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null)
    return { 'text/plain': text };
  try {
    const json = JSON.stringify(value);
    if (json.length > MAX_JSON) return { 'text/plain': text };
    const isTable = Array.isArray(value) && value.length > 0 && value.every(isRow);
    const parsed: unknown = JSON.parse(json);
    const table = isTable ? { 'application/vnd.dataresource+json': tableOf(parsed as object[]) } : {};
    return { 'text/plain': text, 'application/json': parsed, ...table };
  } catch {
    // Loops and getters that throw have no JSON.
    return { 'text/plain': text };
  }
}

function isRow(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function tableOf(rows: object[]): object {
  const names = [...new Set(rows.slice(0, 1000).flatMap((row) => Object.keys(row)))];
  return {
    schema: { fields: names.map((name) => ({ name })) },
    data: rows.slice(0, 1000),
    rows: rows.length,
  };
}

async function prepare({ code, language }: Command): Promise<string> {
  const script = language === 'typescript' ? stripTypeScriptTypes(code, { mode: 'transform' }) : code;
  return rewriteImports(script);
}

async function run(command: Command): Promise<void> {
  // A promise that the inspector waits for and the garbage collector finds first brings the process down: the answer
  // would run JavaScript in the middle of the collection. What an interrupted run waited for is kept for good.
  const pending = new Set<Promise<unknown>>();
  const release = promiseHooks.createHook({
    init: (promise) => void pending.add(promise),
    settled: (promise) => void pending.delete(promise),
  }) as () => void;
  let outcome: Outcome;
  try {
    outcome = await evaluate(await prepare(command));
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    outcome = failed(name, message.slice(0, MAX_TEXT), [message.slice(0, MAX_TEXT)]);
  }
  interrupt = undefined;
  release();
  if (outcome.kind === 'failed') abandoned.push(pending);
  report(command.id, outcome);
  session.post('Runtime.releaseObjectGroup', { objectGroup: 'run' });
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // Written after all the code wrote: its output up to here belongs to this run.
  write(1, command.mark);
  write(2, command.mark);
  send({ type: 'done', id: command.id });
}

/** Resolves when all that was written so far has left the process. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()));
}

function listen(): void {
  let rest = '';
  const input = new Socket({ fd: 3, readable: true, writable: false });
  input.setEncoding('utf8');
  input.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) void run(JSON.parse(line) as Command);
  });
  input.on('close', () => process.exit(0));
}

function importFromFolder(specifier: unknown, options?: ImportCallOptions): Promise<unknown> {
  const folder = pathToFileURL(join(process.cwd(), 'context.mjs')).href;
  const load = new Script('(specifier, options) => import(specifier, options)', {
    filename: folder,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }).runInThisContext() as (specifier: string, options?: ImportCallOptions) => Promise<unknown>;
  return load(String(specifier), options);
}

session.connect();
// An error in a timer or a promise that nobody waits for is told and survived, as in a console.
process.on('uncaughtException', (error) => write(2, `Uncaught ${inspect(error)}\n`));
process.on('unhandledRejection', (error) => write(2, `Uncaught (in promise) ${inspect(error)}\n`));
process.on('SIGINT', () => interrupt?.());
globals['require'] = createRequire(join(process.cwd(), 'context.cjs'));
Object.defineProperty(globals, IMPORT_NAME, { value: importFromFolder });
process.removeAllListeners('warning');
listen();
send({ type: 'ready' });
