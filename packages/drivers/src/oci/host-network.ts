import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { DriverError } from '../driver.ts';
import type { BoxFlow, BoxNetwork } from '../driver.ts';
import { boxNetworkCommands } from './box-network.ts';
import type { Cidr } from './cidr.ts';
import { formatAddress, formatCidr, parseCidr } from './cidr.ts';
import type { Claim } from './claims.ts';
import { CommandError } from './command.ts';
import type { RunCommand } from './command.ts';
import { egressGuard } from './egress-ranges.ts';
import type { EgressGuard } from './egress-ranges.ts';
import { isMissing } from './files.ts';
import { readFlows } from './flows.ts';
import { HostFirewall } from './host-firewall.ts';
import { boxAddressOf, egressAddressOf, nftRules, serviceAddressOf } from './nft-rules.ts';
import type { OciSettings } from './settings.ts';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';
const FALLBACK_MTU = 1500;

interface RouteJson {
  dst?: string;
  dev?: string;
}

interface LinkJson {
  ifname?: string;
  link_type?: string;
  mtu?: number;
  linkinfo?: { info_kind?: string };
  addr_info?: { family?: string; local?: string; prefixlen?: number }[];
}

async function links(run: RunCommand): Promise<LinkJson[]> {
  return JSON.parse(await run('ip', ['-json', '-details', 'address', 'show'])) as LinkJson[];
}

async function routes(run: RunCommand): Promise<RouteJson[]> {
  return JSON.parse(await run('ip', ['-json', '-4', 'route', 'show'])) as RouteJson[];
}

/** Address blocks that interfaces of the host have or routes lead to, except those over interfaces with `ownPrefix`. */
export async function usedAddressBlocks(ownPrefix: string, run: RunCommand): Promise<Cidr[]> {
  const [linkList, routeList] = await Promise.all([links(run), routes(run)]);
  const texts = [
    ...linkList
      .filter((link) => !link.ifname?.startsWith(ownPrefix))
      .flatMap((link) => (link.addr_info ?? []).map((address) => `${address.local}/${address.prefixlen}`)),
    ...routeList.filter((route) => !route.dev?.startsWith(ownPrefix)).map((route) => route.dst ?? ''),
  ];
  return texts.flatMap((text) => parseCidr(text) ?? []).filter((block) => block.prefix > 0);
}

export interface HostNetworkOptions {
  settings: OciSettings;
  claim: Claim;
  /** Folder that all installations of the host share. */
  claimFolder: string;
  run: RunCommand;
}

/** What all boxes of the instance share: the service address, the policy, forwarding. */
export class HostNetwork {
  readonly #settings: OciSettings;
  readonly #claim: Claim;
  readonly #run: RunCommand;
  readonly #firewall: HostFirewall;
  /** Marks that an installation switched forwarding on; shared by all, gone with a reboot like the setting itself. */
  readonly #forwardMark: string;
  readonly serviceAddress: string;
  readonly egressAddress: string;
  /** Tells which addresses the policy refuses to every box. */
  readonly isReachable: EgressGuard;

  constructor({ settings, claim, claimFolder, run }: HostNetworkOptions) {
    this.#settings = settings;
    this.#claim = claim;
    this.#run = run;
    this.#firewall = new HostFirewall(settings.names, settings.logger, run);
    this.#forwardMark = path.join(claimFolder, 'forwarding-was-off');
    this.serviceAddress = formatAddress(serviceAddressOf(claim.subnet));
    this.egressAddress = formatAddress(egressAddressOf(claim.subnet));
    const { allowPrivateCidrs } = settings;
    this.isReachable = egressGuard({ subnet: formatCidr(claim.subnet), allowPrivateCidrs });
  }

  /** Address of the box in a slot. */
  boxAddress(slot: number): string {
    return formatAddress(boxAddressOf(this.#claim.subnet, slot));
  }

  /**
   * Sets everything up; changes nothing where it already is.
   * @param boxes the boxes that are there already: their rules come with the table, so that none is ever without.
   */
  async open(boxes: { slot: number; network: BoxNetwork }[]): Promise<void> {
    await this.#makeServiceLink();
    const rules = boxes.map(({ slot, network }) => this.#boxRules(slot, network));
    await this.#run('nft', ['-f', '-'], { input: [this.#rules(), ...rules].join('') });
    await this.#switchForwardingOn();
    await this.#firewall.open();
  }

  #boxRules(slot: number, network: BoxNetwork): string {
    return boxNetworkCommands(
      { table: this.#settings.names.table, slot, address: this.boxAddress(slot) },
      network,
    );
  }

  /** Gives the box in a slot other rules. */
  async setBox(slot: number, network: BoxNetwork): Promise<void> {
    await this.#run('nft', ['-f', '-'], { input: this.#boxRules(slot, network) });
  }

  /** The latest traffic of all boxes. */
  async flows(): Promise<BoxFlow[]> {
    return await readFlows(this.#settings.names.table, this.#run);
  }

  #rules(): string {
    const { names, servicePort, dnsPort, proxyPort, boxPort, hostPorts, allowPrivateCidrs } = this.#settings;
    return nftRules({
      names,
      servicePort,
      proxyPort,
      dnsPort,
      boxPort,
      hostPorts,
      allowPrivateCidrs,
      subnet: formatCidr(this.#claim.subnet),
      serviceAddress: this.serviceAddress,
      egressAddress: this.egressAddress,
      boxAddresses: Array.from({ length: this.#claim.slots }, (_, slot) => this.boxAddress(slot)),
    });
  }

  async #makeServiceLink(): Promise<void> {
    const { serviceLink } = this.#settings.names;
    const present = (await links(this.#run)).find((link) => link.ifname === serviceLink);
    const held = new Set(present?.addr_info?.map((address) => address.local));
    if (held.has(this.serviceAddress) && held.has(this.egressAddress)) return;
    if (present) await this.#run('ip', ['link', 'delete', serviceLink]);
    // A link whose other end is never used: boxes need the kernel's veth anyway, while some kernels lack dummy links.
    const commands = [
      `link add ${serviceLink} type veth peer name ${serviceLink}x`,
      `link set ${serviceLink} addrgenmode none`,
      `addr add ${this.serviceAddress}/32 dev ${serviceLink}`,
      `addr add ${this.egressAddress}/32 dev ${serviceLink}`,
      `link set ${serviceLink} up`,
    ];
    try {
      await this.#run('ip', ['-batch', '-'], { input: `${commands.join('\n')}\n` });
    } catch (cause) {
      throw new DriverError(
        'HOST_UNSUITABLE',
        `The interface ${serviceLink} cannot be made: the kernel needs veth.`,
        {
          cause,
        },
      );
    }
  }

  async #switchForwardingOn(): Promise<void> {
    if ((await readFile(IP_FORWARD, 'utf8')).trim() === '1') return;
    await writeFile(this.#forwardMark, '');
    await writeFile(IP_FORWARD, '1');
    this.#settings.logger.info({}, 'IPv4 forwarding switched on');
  }

  /** The MTU of the way out, which the boxes' links copy. */
  async uplinkMtu(): Promise<number> {
    const uplink = (await routes(this.#run)).find((route) => route.dst === 'default')?.dev;
    return (await links(this.#run)).find((link) => link.ifname === uplink)?.mtu ?? FALLBACK_MTU;
  }

  /**
   * Takes everything away again.
   * @param last true when no other installation is on this host. Forwarding is switched off then, if an installation
   * switched it on and no bridge or virtual link of others is left that may need it.
   */
  async remove(last: boolean): Promise<void> {
    const { names } = this.#settings;
    await this.#firewall.close();
    await this.#ignoreAbsence('nft', ['delete', 'table', 'inet', names.table]);
    await this.#ignoreAbsence('ip', ['link', 'delete', names.serviceLink]);
    if (last) await this.#switchForwardingOff();
  }

  async #ignoreAbsence(file: string, args: string[]): Promise<void> {
    try {
      await this.#run(file, args);
    } catch (error) {
      if (!(error instanceof CommandError) || !/No such file|Cannot find device/.test(error.stderr))
        throw error;
    }
  }

  async #switchForwardingOff(): Promise<void> {
    try {
      await stat(this.#forwardMark);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    const needed = (await links(this.#run)).some((link) =>
      /^(bridge|veth|wireguard|tun)$/.test(link.linkinfo?.info_kind ?? ''),
    );
    if (!needed) await writeFile(IP_FORWARD, '0');
    await rm(this.#forwardMark, { force: true });
  }
}
