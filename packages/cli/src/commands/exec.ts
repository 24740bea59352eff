import { connect } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../cli-error.ts';

export interface ExecOptions {
  user?: string;
  cwd?: string;
  timeout?: string;
}

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
  const result = await sandbox.exec(program, args, {
    signal,
    timeout: seconds(options.timeout),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    user: user(options.user),
  });
  if (output.json) output.result(result);
  else {
    process.stdout.write(result.stdout);
    process.stderr.write(result.stderr);
    if (result.truncated)
      output.note(`banata: the output was cut; all of it is in ${result.stdoutFile ?? result.stderrFile}`);
    if (result.timedOut)
      output.note('banata: the command was ended by its timeout; give more with --timeout SECONDS');
  }
  process.exitCode = result.exitCode ?? 128;
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
