import type { Sandbox } from '@banata-boxes/sdk';
import { buffer } from 'node:stream/consumers';
import { connect } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../cli-error.ts';

export interface ExecOptions {
  user?: string;
  cwd?: string;
  timeout?: string;
  stdin?: boolean;
}

const MIB = 1024 * 1024;

/** Runs a command in a sandbox and ends with its exit code. */
export async function exec(
  context: CliContext,
  id: string,
  command: string[],
  options: ExecOptions,
): Promise<void> {
  const { output, signal } = context;
  // The parser passes everything after the id on as it is, the dashes between them too.
  const [program, ...args] = command[0] === '--' ? command.slice(1) : command;
  if (program === undefined)
    throw new CliError('The command is missing', 'For example: ./banata exec ID -- ls -la');
  const sandbox = await (await connect(context)).connect(id, { signal });
  const printed = { stdout: 0, stderr: 0 };
  const print = (name: 'stdout' | 'stderr') => (text: string) => {
    printed[name] += Buffer.byteLength(text);
    process[name].write(text);
  };
  const result = await sandbox.exec(program, args, {
    signal,
    timeout: seconds(options.timeout),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.stdin === true && { stdin: await buffer(process.stdin) }),
    user: user(options.user),
    ...(!output.json && {
      onStdout: print('stdout'),
      onStderr: print('stderr'),
    }),
  });
  if (output.json) output.result(result);
  else if (result.truncated) {
    const keptBytes = await streamLimit(sandbox, signal);
    if (Math.max(printed.stdout, printed.stderr) >= keptBytes)
      output.note(
        `banata: the output was cut at ${keptBytes / MIB} MiB; have the command write it to a file for more`,
      );
  }
  if (!output.json && result.timedOut)
    output.note('banata: the command was ended by its timeout; give more with --timeout SECONDS');
  process.exitCode = result.exitCode ?? 128;
}

/** What the sandbox keeps and sends of each stream, bytes: its size says so. Infinity where it ended meanwhile. */
async function streamLimit(sandbox: Sandbox, signal: AbortSignal): Promise<number> {
  const metrics = await sandbox.getMetrics({ signal }).catch(() => undefined);
  return metrics?.output.limitBytes ?? Infinity;
}

function user(value = 'user'): 'user' | 'root' {
  if (value === 'user' || value === 'root') return value;
  throw new CliError(`--user is "${value}"; it can be user or root`, 'Leave it out for user.');
}

function seconds(value = '60'): number {
  const count = Number(value);
  if (Number.isFinite(count) && count > 0 && count <= 3600) return Math.ceil(count * 1000);
  throw new CliError(
    `--timeout is "${value}"; it must be a number of seconds up to 3600`,
    'Leave it out for 60.',
  );
}
