import { toBase64 } from './base64.ts';
import { readSse } from './read-sse.ts';
import type { Transport } from './transport.ts';
import type { CallOptions, CodeLanguage, CodeResult, ExecResult } from './types.ts';

/** Options of `exec`. */
export interface ExecOptions extends CallOptions {
  /** Default /workspace. */
  cwd?: string;
  /** Added to the environment of the sandbox. */
  env?: Record<string, string>;
  /** Default `user`. */
  user?: 'user' | 'root';
  /** Text or bytes that the command reads from its standard input. */
  stdin?: string | Uint8Array;
  /** The command and all its children end after this long, ms. Default 60,000, at most 3,600,000. */
  timeout?: number;
  /** Takes standard output as it comes. The result holds it too. */
  onStdout?: (text: string) => void;
  /** The same for standard error. */
  onStderr?: (text: string) => void;
}

/** Options of `runCode`. */
export interface RunCodeOptions extends CallOptions {
  /** Takes standard output as it comes. The result holds it too. */
  onStdout?: (text: string) => void;
  /** The same for standard error. */
  onStderr?: (text: string) => void;
  /** Id of a context in which variables persist (`sandbox.contexts.create()`); its language counts. */
  context?: string;
  /** Default by the sandbox’s runtime: `python` for "python", else `typescript`. */
  language?: CodeLanguage;
  /** The code ends after this long, ms. Default 60,000, at most 3,600,000. */
  timeout?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** What a reply may take beyond the command's own limit, ms. */
const REPLY_MARGIN_MS = 30_000;

/** With `args` runs the program `command`; without, the shell line `command`. */
export function exec(
  transport: Transport,
  id: string,
  call: { command: string; args: readonly string[] | undefined; options: ExecOptions },
): Promise<ExecResult> {
  const { stdin, ...options } = call.options;
  return run(transport, '/v1/sandboxes/exec', options, {
    id,
    command: call.command,
    args: call.args,
    ...(stdin instanceof Uint8Array ? { stdin: toBase64(stdin), stdinEncoding: 'base64' } : { stdin }),
  });
}

/** Runs a snippet of code, in an interpreter that lives on where `options.context` names one. */
export function runCode(
  transport: Transport,
  id: string,
  call: { code: string; options: RunCodeOptions },
): Promise<CodeResult> {
  return run(transport, '/v1/sandboxes/code', call.options, { id, code: call.code });
}

async function run<T>(
  transport: Transport,
  path: string,
  { signal, onStdout, onStderr, ...options }: ExecOptions | RunCodeOptions,
  body: object,
): Promise<T> {
  const timeoutMs = (options.timeout ?? DEFAULT_TIMEOUT_MS) + REPLY_MARGIN_MS;
  const request = { method: 'POST', path, json: { ...options, ...body }, timeoutMs, signal } as const;
  if (!onStdout && !onStderr) return transport.json(request);
  const response = await transport.open({ ...request, headers: { accept: 'text/event-stream' } });
  let result: T | undefined;
  for await (const { event, data } of readSse(response, 'result')) {
    if (event === 'result') result = JSON.parse(data) as T;
    else if (event === 'stdout') onStdout?.((JSON.parse(data) as { text: string }).text);
    else if (event === 'stderr') onStderr?.((JSON.parse(data) as { text: string }).text);
  }
  signal?.throwIfAborted();
  return result as T;
}
