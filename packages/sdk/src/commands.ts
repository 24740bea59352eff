import type { Transport } from './transport.ts';
import type { CallOptions, CodeLanguage, ExecResult } from './types.ts';

/** Options of `exec`. */
export interface ExecOptions extends CallOptions {
  /** Default /workspace. */
  cwd?: string;
  /** Added to the environment of the sandbox. */
  env?: Record<string, string>;
  /** Default `user`. */
  user?: 'user' | 'root';
  /** Text the command reads from its standard input. */
  stdin?: string;
  /** The command and all its children end after this long, ms. Default 60,000, at most 3,600,000. */
  timeout?: number;
}

/** Options of `runCode`. */
export interface RunCodeOptions extends CallOptions {
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
  const { signal, ...options } = call.options;
  return transport.json({
    method: 'POST',
    path: '/v1/sandboxes/exec',
    json: { ...options, id, command: call.command, args: call.args },
    timeoutMs: (options.timeout ?? DEFAULT_TIMEOUT_MS) + REPLY_MARGIN_MS,
    signal,
  });
}

export function runCode(
  transport: Transport,
  id: string,
  call: { code: string; options: RunCodeOptions },
): Promise<ExecResult> {
  const { signal, ...options } = call.options;
  return transport.json({
    method: 'POST',
    path: '/v1/sandboxes/code',
    json: { ...options, id, code: call.code },
    timeoutMs: (options.timeout ?? DEFAULT_TIMEOUT_MS) + REPLY_MARGIN_MS,
    signal,
  });
}
