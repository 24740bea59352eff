import { SudoRefusal } from './sudo-request.ts';

/** What a call of sudo asks for (sudo(8)). */
export interface SudoCall {
  kind: 'run' | 'version' | 'help' | 'list' | 'nothing';
  /** Name, or `#uid`. */
  user: string;
  /** `-i`: as a login of the account. */
  login: boolean;
  /** `-s`: by the caller's shell. */
  shell: boolean;
  /** `-E` is true; otherwise the variables that are kept by name. */
  preserve: true | string[];
  /** `-H` */
  setHome: boolean;
  /** `-D` */
  directory: string | null;
  /** `NAME=value` before the command. */
  assignments: Record<string, string>;
  /** Program and arguments; empty for a shell. */
  command: string[];
}

type Apply = (call: SudoCall, value: string) => void;

interface Option {
  names: readonly string[];
  takesValue: boolean;
  apply: Apply;
}

const nothing: Apply = () => undefined;
const turns =
  (kind: SudoCall['kind']): Apply =>
  (call) => {
    call.kind = kind;
  };

/** No password is ever asked for, so what is about passwords changes nothing. */
const OPTIONS: readonly Option[] = [
  { names: ['-n', '--non-interactive'], takesValue: false, apply: nothing },
  { names: ['-S', '--stdin'], takesValue: false, apply: nothing },
  { names: ['-A', '--askpass'], takesValue: false, apply: nothing },
  { names: ['-B', '--bell'], takesValue: false, apply: nothing },
  { names: ['-N', '--no-update'], takesValue: false, apply: nothing },
  { names: ['-p', '--prompt'], takesValue: true, apply: nothing },
  { names: ['-k', '--reset-timestamp'], takesValue: false, apply: turns('nothing') },
  { names: ['-K', '--remove-timestamp'], takesValue: false, apply: turns('nothing') },
  { names: ['-v', '--validate'], takesValue: false, apply: turns('nothing') },
  { names: ['-V', '--version'], takesValue: false, apply: turns('version') },
  { names: ['-h', '--help'], takesValue: false, apply: turns('help') },
  { names: ['-l', '--list'], takesValue: false, apply: turns('list') },
  { names: ['-E'], takesValue: false, apply: (call) => void (call.preserve = true) },
  { names: ['-H', '--set-home'], takesValue: false, apply: (call) => void (call.setHome = true) },
  { names: ['-i', '--login'], takesValue: false, apply: (call) => void (call.login = true) },
  { names: ['-s', '--shell'], takesValue: false, apply: (call) => void (call.shell = true) },
  { names: ['-u', '--user'], takesValue: true, apply: (call, value) => void (call.user = value) },
  { names: ['-D', '--chdir'], takesValue: true, apply: (call, value) => void (call.directory = value) },
];

/** Usage, and what differs from other systems. */
export const SUDO_USAGE = `usage: sudo [-EHn] [-u user] [-D directory] [--preserve-env=list] [VAR=value] [-i | -s] [command [arg ...]]

In a sandbox sudo asks the sandbox's daemon to run the command. Everybody who is "user" may run everything; no
password is asked for. Not supported: -b, -C, -e, -g, -P, -R, -r, -T, -t, -U.
`;

/** Parses the arguments of sudo. Throws a {@link SudoRefusal} that names what is not supported. */
export function parseSudoArguments(argv: readonly string[]): SudoCall {
  const call: SudoCall = {
    kind: 'run',
    user: 'root',
    login: false,
    shell: false,
    preserve: [],
    setHome: false,
    directory: null,
    assignments: {},
    command: [],
  };
  const rest = [...argv];
  while (rest[0] !== undefined && /^-./.test(rest[0])) {
    const word = rest.shift() ?? '';
    if (word === '--') break;
    if (word.startsWith('--')) applyLong(call, word, rest);
    else applyShort(call, word, rest);
  }
  while (rest[0] !== undefined && /^[A-Za-z_]\w*=/.test(rest[0])) {
    const word = rest.shift() ?? '';
    const at = word.indexOf('=');
    call.assignments[word.slice(0, at)] = word.slice(at + 1);
  }
  call.command = rest;
  return checked(call);
}

function applyLong(call: SudoCall, word: string, rest: string[]): void {
  const [name = '', ...values] = word.split('=');
  const value = values.length > 0 ? values.join('=') : undefined;
  if (name === '--preserve-env') {
    if (value === undefined) call.preserve = true;
    else if (call.preserve !== true) call.preserve.push(...value.split(','));
    return;
  }
  const option = find(name);
  if (!option.takesValue && value !== undefined) throw new SudoRefusal(`${name} takes no value`);
  option.apply(call, option.takesValue ? (value ?? nextWord(name, rest)) : '');
}

/** One or more options of a letter, such as `-nE` or `-uroot`. */
function applyShort(call: SudoCall, word: string, rest: string[]): void {
  for (let index = 1; index < word.length; index++) {
    const option = find(`-${word[index]}`);
    if (!option.takesValue) {
      option.apply(call, '');
      continue;
    }
    const attached = word.slice(index + 1);
    option.apply(call, attached === '' ? nextWord(`-${word[index]}`, rest) : attached);
    return;
  }
}

function find(name: string): Option {
  const option = OPTIONS.find(({ names }) => names.includes(name));
  if (option) return option;
  throw new SudoRefusal(`the option ${name} is not supported in a sandbox\n${SUDO_USAGE.trimEnd()}`);
}

function nextWord(name: string, rest: string[]): string {
  const word = rest.shift();
  if (word === undefined) throw new SudoRefusal(`the option ${name} needs a value`);
  return word;
}

function checked(call: SudoCall): SudoCall {
  if (call.login && call.shell) throw new SudoRefusal('-i and -s exclude each other');
  // `sudo -k command` forgets a password, of which there is none, and runs the command.
  if (call.kind === 'nothing' && call.command.length > 0) call.kind = 'run';
  if (call.kind === 'run' && call.command.length === 0 && !call.login && !call.shell) {
    throw new SudoRefusal(`say which command to run\n${SUDO_USAGE.trimEnd()}`);
  }
  return call;
}
