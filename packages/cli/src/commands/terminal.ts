import type { Sandbox, Terminal } from '@banata-boxes/sdk';
import { PassThrough } from 'node:stream';
import { CliError } from '../cli-error.ts';
import { connect } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { enterRawMode } from '../raw-mode.ts';

/** Ctrl-], as in telnet. */
const LEAVE = 0x1d;

/** Joins this terminal with one of a sandbox until its shell ends or Ctrl-] leaves it. */
export async function terminal(
  context: CliContext,
  id: string,
  options: { session?: string },
): Promise<void> {
  const { output, signal } = context;
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY)
    throw new CliError('This is no terminal', 'To run a command use: ./banata exec ID -- COMMAND');
  const sandbox = await (await connect(context)).connect(id, { signal });
  // The shell may answer before the session's name is known, which people are told first.
  const screen = new PassThrough();
  const joined = await open(sandbox, { terminalId: options.session, screen, signal });
  output.note(`banata: terminal ${joined.id}; Ctrl-] leaves, the session goes on`);
  screen.pipe(stdout, { end: false });
  const end = await joinTerminals(joined, signal);
  if (end.exited) {
    process.exitCode = end.exitCode ?? 128;
    return;
  }
  output.note(`\nbanata: left; come back with ./banata terminal ${id} --session ${joined.id}`);
}

function open(
  sandbox: Sandbox,
  {
    terminalId,
    screen,
    signal,
  }: { terminalId: string | undefined; screen: PassThrough; signal: AbortSignal },
): Promise<Terminal> {
  const { columns: cols, rows } = process.stdout;
  return sandbox.terminal({
    cols,
    rows,
    signal,
    onData: (bytes) => void screen.write(bytes),
    ...(terminalId !== undefined && { terminalId }),
  });
}

async function joinTerminals(joined: Terminal, signal: AbortSignal): Promise<Awaited<Terminal['ended']>> {
  const { stdin, stdout } = process;
  const onInput = (bytes: Buffer): void => {
    const leave = bytes.indexOf(LEAVE);
    if (leave !== 0) joined.write(new Uint8Array(leave < 0 ? bytes : bytes.subarray(0, leave)));
    if (leave >= 0) joined.detach();
  };
  const onResize = (): void => joined.resize(stdout.columns, stdout.rows);
  const detach = (): void => joined.detach();
  const leaveRawMode = enterRawMode(stdin);
  stdin.on('data', onInput).resume();
  stdout.on('resize', onResize);
  signal.addEventListener('abort', detach, { once: true });
  try {
    return await joined.ended;
  } finally {
    signal.removeEventListener('abort', detach);
    stdin.off('data', onInput).pause();
    stdout.off('resize', onResize);
    leaveRawMode();
  }
}
