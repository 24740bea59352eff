import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { CommandError, runCommand } from './command.ts';
import { namesIn } from './files.ts';
import type { CommandLine, RuntimeKind } from './runtime.ts';

const PROBE_TIMEOUT_MS = 15_000;

/**
 * `overlay2=none`: writes reach the box's disk, where quota and snapshots see them. `systrap` needs no KVM. Without
 * `host-uds` and `host-fifo` no socket of the host can be opened, whatever is mounted.
 */
const OPTIONS = [
  '--platform=systrap',
  '--overlay2=none',
  '--network=sandbox',
  '--host-uds=none',
  '--host-fifo=none',
  '--net-raw=false',
  // A box with open connections can be put on disk; they are broken when it comes back.
  '--net-disconnect-ok',
];

/** What a runsc of mid-2024 says where it takes every network namespace for the host's own. */
const CONFUSED = /network enabled in root network namespace/;

/**
 * It tells the host's network namespace from others by a file that Linux before 6.17 or so shows in the first one only.
 * Hidden for the namespace in question, and in a mount namespace of its own, the file misleads it no more.
 */
const HIDE_AND_RUN = 'ns=$1; shift; nsenter --net="$ns" mount -t tmpfs none /proc/sys/net/core && exec "$@"';

function hidden(command: CommandLine, networkNamespace: string): CommandLine {
  const shell = ['sh', '-c', HIDE_AND_RUN, 'sh', networkNamespace, ...command];
  return ['unshare', '--mount', '--propagation', 'slave', ...shell];
}

/** What of gVisor this host has. */
export interface RunscHost {
  version: string;
  /** Whether containers with a network start only when {@link HIDE_AND_RUN} is around them. */
  confused: boolean;
}

async function words(file: string, args: string[]): Promise<string> {
  try {
    return await runCommand(file, args, { timeoutMs: PROBE_TIMEOUT_MS });
  } catch (error) {
    if (error instanceof CommandError && error.exitCode !== null) return error.stderr;
    throw error;
  }
}

/** A configuration of which only the network matters: it is set up before the missing program is noticed. */
const PROBE_SPEC = {
  ociVersion: '1.0.2',
  process: { user: { uid: 0, gid: 0 }, args: ['/none'], cwd: '/' },
  root: { path: 'root', readonly: true },
  linux: { namespaces: [{ type: 'pid' }, { type: 'mount' }] },
};

async function isConfused(program: string, folder: string): Promise<boolean> {
  const bundle = await mkdtemp(path.join(folder, 'probe-'));
  try {
    await mkdir(path.join(bundle, 'root'));
    await writeFile(path.join(bundle, 'config.json'), JSON.stringify(PROBE_SPEC));
    const state = path.join(bundle, 'state');
    const run = [
      program,
      ...OPTIONS,
      '--ignore-cgroups',
      '--root',
      state,
      'run',
      '--bundle',
      bundle,
      'probe',
    ];
    return CONFUSED.test(await words('unshare', ['--net', ...run]));
  } finally {
    await rm(bundle, { recursive: true, force: true });
  }
}

/**
 * Looks at the gVisor of this host.
 * @param folder takes the files of the trial, and is empty of them afterwards.
 * @returns undefined when the program is missing.
 */
export async function inspectRunsc(program: string, folder: string): Promise<RunscHost | undefined> {
  let text: string;
  try {
    text = await runCommand(program, ['--version']);
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === null) return undefined;
    throw error;
  }
  const version = /version (\S+)/.exec(text)?.[1] ?? 'unknown';
  return { version, confused: await isConfused(program, folder) };
}

/** Runs boxes on gVisor: a kernel in user space answers their system calls. */
export function runsc(program: string, { confused }: RunscHost): RuntimeKind {
  return {
    program,
    options: OPTIONS,
    containerOf: (entry) => /^(.+)_sandbox:\1\.(?:state|lock)$/.exec(entry)?.[1],
    // Its own delete command wants to talk to a sandbox that is gone, and takes longer than all the rest of an end.
    forget: async (name, root) => {
      const entries = (await namesIn(root)).filter((entry) => entry.includes(name));
      for (const entry of entries) await rm(path.join(root, entry), { recursive: true, force: true });
    },
    startCommand: (command, networkNamespace) => (confused ? hidden(command, networkNamespace) : command),
    keepsMemory: true,
  };
}
