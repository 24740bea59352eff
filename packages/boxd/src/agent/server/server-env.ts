import type { Account } from '../../services.ts';
import type { AgentPaths } from './paths.ts';
import type { AgentPrograms } from './programs.ts';

export interface ServerEnvInput {
  /** Environment of the sandbox's commands, with the variables that its owner gave. */
  commandEnv: Record<string, string>;
  account: Account;
  /** Used when the commands' environment has no PATH. */
  path: string;
  /** Folder with the sandbox's own commands, such as `banata-complete-task`. */
  binDir: string;
  paths: AgentPaths;
  programs: AgentPrograms;
  password: string;
  /** Marks the server and all its descendants. */
  runId: string;
}

/** Name of the variable that marks the agent server and everything it starts. */
export const RUN_ID_VARIABLE = 'BANATA_AGENT_RUN';

/** Addresses that are reached without the sandbox's proxy: loopback and the server's listener for boxes. */
const DIRECT_HOSTS = ['127.0.0.1', 'localhost', '::1', 'host.banata.internal'];

/**
 * Variables that steer OpenCode or the run time under it. The sandbox's own values are kept from the server and
 * given back to the commands it runs.
 */
const STEERING =
  /^(?:OPENCODE_\w+|XDG_\w+|BUN_\w+|BASH_ENV|ENV|TMPDIR|NODE_OPTIONS|LD_PRELOAD|LD_LIBRARY_PATH)$/;

function steering(input: ServerEnvInput): Record<string, string> {
  const { paths } = input;
  return {
    XDG_CONFIG_HOME: paths.configHome,
    XDG_DATA_HOME: paths.dataHome,
    XDG_STATE_HOME: paths.stateHome,
    XDG_CACHE_HOME: paths.cacheHome,
    TMPDIR: paths.tempDir,
    // Read by the non-interactive bash of each command.
    BASH_ENV: paths.shellEnvFile,
    OPENCODE_SERVER_PASSWORD: input.password,
    OPENCODE_CONFIG: paths.configFile,
    // Files in the workspace must not configure the agent: they could start programs.
    OPENCODE_DISABLE_PROJECT_CONFIG: '1',
    OPENCODE_MODELS_PATH: paths.modelsFile,
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
    OPENCODE_DISABLE_SHARE: '1',
  };
}

function withDirectHosts(value: string | undefined): string {
  const given = (value ?? '').split(',').map((host) => host.trim());
  return [...new Set([...given.filter((host) => host !== ''), ...DIRECT_HOSTS])].join(',');
}

/** Environment of the OpenCode server, and with it of its tools. */
export function serverEnv(input: ServerEnvInput): Record<string, string> {
  const { account, commandEnv, programs } = input;
  const kept = Object.fromEntries(Object.entries(commandEnv).filter(([name]) => !STEERING.test(name)));
  return {
    LANG: 'C.UTF-8',
    ...kept,
    HOME: account.home,
    USER: account.name,
    LOGNAME: account.name,
    SHELL: programs.bash,
    PATH: `${kept['PATH'] ?? input.path}:${input.binDir}`,
    NO_PROXY: withDirectHosts(kept['NO_PROXY'] ?? kept['no_proxy']),
    no_proxy: withDirectHosts(kept['no_proxy'] ?? kept['NO_PROXY']),
    BANATA_SERVICE: 'agent',
    BANATA_AGENT_SOCKET: input.paths.reportSocket,
    [RUN_ID_VARIABLE]: input.runId,
    ...steering(input),
  };
}

function shellQuote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

const SHELL_NAME = /^[A-Za-z_]\w*$/;

/** Variables that programs read when they start: a server that runs cannot be given other values. */
const READ_AT_START = /^(?:(?:http|https|ftp|all)_proxy|PATH|LANG|LC_\w+|TZ|NODE_\w+|SSL_\w+)$/i;

/** Variables by which the environment of a running server differs from the one it should have. */
function differences(running: Record<string, string>, wanted: Record<string, string>): string[] {
  const names = new Set([...Object.keys(running), ...Object.keys(wanted)]);
  return [...names].filter((name) => running[name] !== wanted[name]);
}

/** Whether the commands of a server that runs with this environment can be given the other one by their shell. */
export function canServe(running: Record<string, string>, wanted: Record<string, string>): boolean {
  return differences(running, wanted).every((name) => SHELL_NAME.test(name) && !READ_AT_START.test(name));
}

/**
 * Script that each command of the agent starts with: it takes the server's own settings away, so that programs keep
 * their files where they do in a terminal, and gives the sandbox's values back.
 * @param running environment of the server. Default: the one that belongs to the input.
 */
export function shellEnvScript(
  input: ServerEnvInput,
  running: Record<string, string> = serverEnv(input),
): string {
  const names = Object.keys(steering(input));
  const own = Object.entries(input.commandEnv).filter(
    ([name]) => STEERING.test(name) && SHELL_NAME.test(name),
  );
  const lines = [`unset ${names.join(' ')}`];
  for (const [name, value] of own) lines.push(`export ${name}=${shellQuote(value)}`);
  const wanted = serverEnv(input);
  for (const name of differences(running, wanted)) {
    const value = wanted[name];
    lines.push(value === undefined ? `unset ${name}` : `export ${name}=${shellQuote(value)}`);
  }
  lines.push('if [ -n "${BASH_ENV:-}" ] && [ -r "$BASH_ENV" ]; then . "$BASH_ENV"; fi');
  return `${lines.join('\n')}\n`;
}
