import { isAbsolute } from 'node:path';
import type { SudoCall } from './sudo-arguments.ts';
import { SudoRefusal, type SudoRequest } from './sudo-request.ts';

/** An account of the box as passwd(5) has it at this moment. */
export interface TargetAccount {
  name: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
}

/** What to run for a call of sudo, resolved. */
export interface SudoPlan {
  account: TargetAccount;
  program: string;
  args: string[];
  /** Whole environment of the command. */
  env: Record<string, string>;
  /** Null: that of the caller. */
  directory: string | null;
  umask: number;
  terminal: boolean;
}

export interface SudoPlanInput {
  request: SudoRequest;
  call: SudoCall;
  /** Text of the box's passwd file. */
  passwd: string;
  /** Variables of the box that every command starts with. */
  base: Readonly<Record<string, string>>;
  /** PATH of commands of root. */
  path: string;
  /** Who calls. */
  caller: { name: string; uid: number; gid: number };
}

/** Variables of the caller that a command gets without `-E`: language, terminal, time zone, proxies. */
const KEPT =
  /^(TERM|COLORTERM|NO_COLOR|LANG|LANGUAGE|LC_[A-Z]+|TZ|DEBIAN_FRONTEND|BANATA_EXEC_ID|(https?|no|all|ftp)_proxy|(HTTPS?|NO|ALL|FTP)_PROXY)$/;

/** The mask that sudo adds to the caller's (sudoers(5), `umask`). */
const UMASK = 0o022;

/** Decides what runs. Throws a {@link SudoRefusal}. */
export function planSudo(input: SudoPlanInput): SudoPlan {
  const { request, call } = input;
  const account = findAccount(input.passwd, call.user);
  const command = commandOf(call, account, request.env['SHELL']);
  const words = [...command, call.directory ?? '', ...Object.values(request.env)];
  if (words.some((word) => word.includes('\0') || !word.isWellFormed())) {
    throw new SudoRefusal('arguments and environment must be UTF-8');
  }
  if (call.directory !== null && !isAbsolute(call.directory)) {
    throw new SudoRefusal(`-D takes an absolute path, not ${call.directory}`);
  }
  const [program = '', ...args] = command;
  return {
    account,
    program,
    args,
    env: environment(input, account, command),
    directory: call.directory ?? (call.login ? account.home : null),
    umask: request.umask | UMASK,
    terminal: request.terminal,
  };
}

function findAccount(passwd: string, wanted: string): TargetAccount {
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid, , home, shell] = line.split(':');
    if (!name || !home || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) continue;
    if (name !== wanted && `#${uid}` !== wanted) continue;
    return { name, uid: Number(uid), gid: Number(gid), home, shell: shell || '/bin/sh' };
  }
  throw new SudoRefusal(`unknown user ${wanted}`);
}

function commandOf(call: SudoCall, account: TargetAccount, callerShell: string | undefined): string[] {
  if (!call.login && !call.shell) return call.command;
  const shell = call.login ? account.shell : (callerShell ?? account.shell);
  // As sudo does: one line for the shell, in which only letters, digits, `_`, `-` and `$` are left as they are.
  const line = call.command.map((word) => word.replaceAll(/[^\w$-]/gu, String.raw`\$&`)).join(' ');
  return [shell, ...(call.login ? ['-l'] : []), ...(call.command.length > 0 ? ['-c', line] : [])];
}

function environment(
  { request, call, base, path, caller }: SudoPlanInput,
  account: TargetAccount,
  command: readonly string[],
): Record<string, string> {
  const { preserve } = call;
  const kept = Object.entries(request.env).filter(
    ([name]) => (preserve === true ? !call.login : preserve.includes(name)) || KEPT.test(name),
  );
  const env: Record<string, string> = { ...base, ...Object.fromEntries(kept), PATH: path };
  if (call.setHome || call.login || env['HOME'] === undefined) env['HOME'] = account.home;
  return {
    ...env,
    USER: account.name,
    LOGNAME: account.name,
    SHELL: account.shell,
    SUDO_USER: caller.name,
    SUDO_UID: String(caller.uid),
    SUDO_GID: String(caller.gid),
    // A part: two copies of long arguments could be more than the kernel takes.
    SUDO_COMMAND: command.join(' ').slice(0, 4096),
    ...call.assignments,
  };
}
