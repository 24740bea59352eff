import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { RANGE_SIZE } from './claims.ts';
import { CommandError } from './command.ts';
import type { RunCommand } from './command.ts';
import { isMissing, namesIn } from './files.ts';
import { mountBind, unmount } from './kernel/mounts.ts';
import { slotOfName } from './names.ts';
import type { HostNames } from './names.ts';

/** Where `ip netns` looks for named network namespaces. */
const NETNS_FOLDER = '/run/netns';
const HOLDER_TIMEOUT_MS = 10_000;
const MIN_BURST_BYTES = 128 * 1024;

/** What a slot gives to the box in it. All of it follows from the slot's number. */
export interface SlotPlace {
  slot: number;
  address: string;
  /** Host id that is root in the box. */
  firstId: number;
  userNamespace: string;
  networkNamespace: string;
}

export interface SlotNamespacesOptions {
  run: RunCommand;
  names: HostNames;
  userNamespaceFolder: string;
  serviceAddress: string;
  mtu: number;
  firstId: number;
  boxAddress: (slot: number) => string;
}

/** Arguments of tc-tbf(8): a bucket of 20 ms at full rate, at least a few of the largest packets the kernel forms. */
function queueingDiscipline(bitsPerSecond: number): string[] {
  if (bitsPerSecond === 0) return ['root', 'pfifo_fast'];
  const burst = Math.max(MIN_BURST_BYTES, Math.ceil((bitsPerSecond / 8) * 0.02));
  return ['root', 'tbf', 'rate', `${bitsPerSecond}bit`, 'burst', `${burst}b`, 'latency', '50ms'];
}

/** Makes and removes the user and network namespaces of slots. A namespace serves one box only. */
export class SlotNamespaces {
  readonly #options: SlotNamespacesOptions;

  constructor(options: SlotNamespacesOptions) {
    this.#options = options;
  }

  place(slot: number): SlotPlace {
    const { names, userNamespaceFolder, firstId, boxAddress } = this.#options;
    return {
      slot,
      address: boxAddress(slot),
      firstId: firstId + slot * RANGE_SIZE,
      userNamespace: path.join(userNamespaceFolder, String(slot)),
      networkNamespace: path.join(NETNS_FOLDER, names.netns(slot)),
    };
  }

  /** Makes the namespaces of a slot, linked to the host and configured. Leaves nothing when it fails. */
  async make(slot: number, networkBitsPerSecond: number): Promise<SlotPlace> {
    const place = this.place(slot);
    try {
      await this.#pinNamespaces(place);
      await this.#connect(place);
      if (networkBitsPerSecond > 0) await this.limitRate(slot, networkBitsPerSecond);
      return place;
    } catch (error) {
      await this.remove(slot);
      throw error;
    }
  }

  /** A process makes both namespaces at once, so that the first owns the second; files then keep them alive. */
  async #pinNamespaces(place: SlotPlace): Promise<void> {
    await mkdir(NETNS_FOLDER, { recursive: true, mode: 0o755 });
    const holder = spawn('unshare', ['--user', '--net', 'sh', '-c', 'echo; read _'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const exited = once(holder, 'close');
    exited.catch(() => undefined);
    const timer = setTimeout(() => holder.kill('SIGKILL'), HOLDER_TIMEOUT_MS);
    try {
      await this.#untilReady(holder, exited);
      for (const map of ['uid_map', 'gid_map']) {
        await writeFile(`/proc/${holder.pid}/${map}`, `0 ${place.firstId} ${RANGE_SIZE}`);
      }
      for (const [kind, pin] of [
        ['user', place.userNamespace],
        ['net', place.networkNamespace],
      ] as const) {
        await writeFile(pin, '', { mode: 0o444 });
        mountBind(`/proc/${holder.pid}/ns/${kind}`, pin);
      }
    } finally {
      clearTimeout(timer);
      holder.kill('SIGKILL');
    }
    await exited;
  }

  async #untilReady(holder: ChildProcess, exited: Promise<unknown>): Promise<void> {
    if (!holder.stdout) throw new Error('the namespace holder has no output');
    const ready = once(holder.stdout, 'data').then(() => true);
    const gone = exited.then(() => false);
    if (!(await Promise.race([ready, gone]))) {
      throw new CommandError(
        'unshare --user --net ended early: user namespaces may be switched off',
        null,
        '',
      );
    }
  }

  async #connect({ slot, address, firstId, networkNamespace }: SlotPlace): Promise<void> {
    const { names, serviceAddress, mtu } = this.#options;
    const link = names.link(slot);
    const outside = [
      `link add ${link} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${names.netns(slot)}`,
      `link set ${link} addrgenmode none`,
      `addr add ${serviceAddress}/32 peer ${address}/32 dev ${link}`,
      `link set ${link} up`,
    ];
    await this.#options.run('ip', ['-batch', '-'], { input: `${outside.join('\n')}\n` });
    const inside = [
      'link set lo up',
      'link set eth0 up',
      `addr add ${address}/32 dev eth0`,
      `route add ${serviceAddress}/32 dev eth0`,
      `route add default via ${serviceAddress} dev eth0`,
    ];
    // Users of the box may open low ports and send pings, so that neither needs a capability.
    const script = [
      'for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do [ ! -e "$f" ] || echo 1 >"$f"; done',
      'echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start',
      `echo "${firstId} ${firstId + RANGE_SIZE - 1}" >/proc/sys/net/ipv4/ping_group_range`,
      'exec ip -batch -',
    ];
    await this.#options.run('nsenter', [`--net=${networkNamespace}`, 'sh', '-ec', script.join('\n')], {
      input: `${inside.join('\n')}\n`,
    });
  }

  /** Limits what a slot's box sends and receives, each for itself; 0 lifts the limit. */
  async limitRate(slot: number, bitsPerSecond: number): Promise<void> {
    const { run, names } = this.#options;
    // What leaves the host's end is what the box receives; root of the box has no power over his end.
    const ends = [
      ['-n', names.netns(slot), 'qdisc', 'replace', 'dev', 'eth0'],
      ['qdisc', 'replace', 'dev', names.link(slot)],
    ];
    await Promise.all(ends.map((end) => run('tc', [...end, ...queueingDiscipline(bitsPerSecond)])));
  }

  /** Removes what a slot has on the host; nothing happens when it has nothing. */
  async remove(slot: number): Promise<void> {
    const place = this.place(slot);
    for (const pin of [place.userNamespace, place.networkNamespace]) {
      while (unmount(pin));
      await rm(pin, { force: true });
    }
    await this.#removeLink(this.#options.names.link(slot));
  }

  async #removeLink(link: string): Promise<void> {
    try {
      await stat(`/sys/class/net/${link}`);
      await this.#options.run('ip', ['link', 'delete', link]);
    } catch (error) {
      if (isMissing(error)) return;
      // The kernel may have taken it away with its namespace meanwhile.
      if (error instanceof CommandError && /Cannot find device|No such device/.test(error.stderr)) return;
      throw error;
    }
  }

  /** Numbers of all slots that have anything on the host. */
  async present(): Promise<number[]> {
    const { names, userNamespaceFolder } = this.#options;
    const [netns, links, users] = await Promise.all([
      namesIn(NETNS_FOLDER),
      namesIn('/sys/class/net'),
      namesIn(userNamespaceFolder),
    ]);
    const slots = [
      ...netns.map((name) => slotOfName(name, names.netnsPrefix)),
      ...links.map((name) => slotOfName(name, names.linkPrefix)),
      ...users.map((name) => slotOfName(name, '')),
    ];
    return [...new Set(slots.filter((slot) => slot !== undefined))];
  }
}

/** Removes the folder of named network namespaces when it is empty; whoever needs it next makes it again. */
export async function removeNetnsFolder(): Promise<void> {
  try {
    await rmdir(NETNS_FOLDER);
  } catch {
    // Others have namespaces there, or it is a mount of its own.
  }
}
