import type { Sandbox } from '@banata-boxes/sdk';
import { execFile } from 'node:child_process';
import { readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { boxProcesses } from '../security/support/box-processes.ts';
import type { Installation } from './installation.ts';
import { until } from './until.ts';

const run = promisify(execFile);
const TABLE = 'banata_test_fault';
const COMMAND_TIMEOUT_MS = 10_000;

/**
 * The stream of events from the agent server to boxd, as the host reaches it in the sandbox's network namespace: it is
 * the one connection that is left while nothing happens. Not with gVisor, whose sockets the host does not see.
 */
export class AgentConnection {
  readonly #pid: number;
  /** Of the agent server. */
  readonly #port: number;
  /** Of boxd. */
  readonly #peer: number;

  private constructor({ pid, port, peer }: { pid: number; port: number; peer: number }) {
    this.#pid = pid;
    this.#port = port;
    this.#peer = peer;
  }

  static async find(installation: Installation, sandbox: Sandbox): Promise<AgentConnection> {
    const { stdout } = await sandbox.exec('readlink /proc/self/ns/net');
    const processes = await boxProcesses(installation.instanceId);
    const places = await Promise.all(
      processes.map(async ({ pid }) => ({
        pid,
        network: await readlink(`/proc/${pid}/ns/net`).catch(() => ''),
      })),
    );
    const pid = places.find(({ network }) => network === stdout.trim())?.pid;
    if (pid === undefined) throw new Error('no process of the sandbox was found');
    return await until('one connection to the agent server', async () => {
      const listening = await inNetwork(pid, ['ss', '-Htlnp']);
      const port = /127\.0\.0\.1:(\d+) .*"opencode"/.exec(listening)?.[1];
      if (port === undefined) return undefined;
      const open = await inNetwork(pid, ['ss', '-Htn', 'state', 'established', 'sport', '=', `:${port}`]);
      const peers = [...open.matchAll(/:(\d+)\s*$/gm)].map(([, peer]) => Number(peer));
      const [peer] = peers;
      if (peer === undefined || peers.length > 1) return undefined;
      return new AgentConnection({ pid, port: Number(port), peer });
    });
  }

  /** Breaks the connection, both ends notice. */
  async cut(): Promise<void> {
    await inNetwork(this.#pid, ['ss', '-K', 'sport', '=', `:${this.#port}`, 'dport', '=', `:${this.#peer}`]);
  }

  /** Loses all that the agent server sends on it from now on; neither end notices. @returns the end of that. */
  async silence(): Promise<() => Promise<void>> {
    const rules = [
      `add table ip ${TABLE}`,
      `add chain ip ${TABLE} out { type filter hook output priority 0; }`,
      `add rule ip ${TABLE} out tcp sport ${this.#port} tcp dport ${this.#peer} drop`,
    ];
    await inNetwork(this.#pid, ['nft', rules.join('; ')]);
    return async () => {
      await inNetwork(this.#pid, ['nft', `delete table ip ${TABLE}`]);
    };
  }
}

async function inNetwork(pid: number, command: string[]): Promise<string> {
  const { stdout } = await run('nsenter', ['-t', String(pid), '-n', ...command], {
    timeout: COMMAND_TIMEOUT_MS,
  });
  return stdout;
}
