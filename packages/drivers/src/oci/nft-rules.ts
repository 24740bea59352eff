import type { Cidr } from './cidr.ts';
import { ALWAYS_DENIED, DENIED_BY_DEFAULT } from './egress-ranges.ts';
import type { HostNames } from './names.ts';

/** An answer rather than silence: programs in the box then fail at once instead of waiting for a timeout. */
const REFUSE = 'goto refuse';
/** How long the kernel remembers a flow after its last packet; the server reads the flows far more often. */
const FLOW_TIMEOUT = '2m';
/** Most flows that are remembered at once, so that a box that scans addresses costs a bounded amount of memory. */
const MAX_FLOWS = 32_768;

export interface NftRulesInput {
  names: HostNames;
  /** Subnet of this installation's boxes, `first/prefix`. */
  subnet: string;
  serviceAddress: string;
  /** Address that the server's egress proxy dials from. */
  egressAddress: string;
  servicePort: number;
  /** Port of the egress proxy on the service address. */
  proxyPort: number;
  dnsPort: number;
  boxPort: number;
  /** Further TCP ports of the service address that boxes may reach. */
  hostPorts: number[];
  allowPrivateCidrs: string[];
  /** Address of every slot's box, in the order of the slots. */
  boxAddresses: string[];
}

function serviceRules(input: NftRulesInput): string {
  const { serviceAddress, servicePort, dnsPort, proxyPort, hostPorts } = input;
  const closedPorts =
    hostPorts.length === 0
      ? ''
      : `
    ip saddr @no_host_ports ip daddr ${serviceAddress} tcp dport { ${hostPorts.join(', ')} } ${REFUSE}`;
  return `${closedPorts}
    ct state established,related accept
    ip saddr @proxied ip daddr ${serviceAddress} tcp dport ${proxyPort} ct status dnat accept
    ip daddr ${serviceAddress} tcp dport { ${[servicePort, dnsPort, ...hostPorts].join(', ')} } accept
    ip daddr ${serviceAddress} udp dport ${dnsPort} accept`;
}

/** Sets that count, by box, other address, protocol and port, the bytes of what passed and what was refused. */
function flowSets(): string {
  return ['sent', 'received', 'refused']
    .map(
      (name) => `
  set ${name} {
    type ipv4_addr . ipv4_addr . inet_proto . inet_service
    size ${MAX_FLOWS}
    flags dynamic,timeout
    timeout ${FLOW_TIMEOUT}
  }`,
    )
    .join('');
}

const COUNTED = 'meta l4proto { tcp, udp }';

/** What neither a box nor the proxy that dials for boxes may reach. */
function deniedRules(subnet: string): string {
  return `ip daddr { ${[...ALWAYS_DENIED, subnet].join(', ')} } ${REFUSE}
    ip daddr != @allowed ip daddr { ${DENIED_BY_DEFAULT.join(', ')} } ${REFUSE}`;
}

/** What the chains look up: whose address is whose, what the operator opened, and which boxes have rules. */
function sets({ names, allowPrivateCidrs, boxAddresses }: NftRulesInput): string {
  const pairs = boxAddresses.map((address, slot) => `"${names.link(slot)}" . ${address}`).join(', ');
  const allowed = allowPrivateCidrs.length > 0 ? `elements = { ${allowPrivateCidrs.join(', ')} }` : '';
  return `
  set own_address {
    type ifname . ipv4_addr
    elements = { ${pairs} }
  }${flowSets()}
  set proxied {
    type ipv4_addr
  }
  set no_host_ports {
    type ipv4_addr
  }
  map egress {
    type ipv4_addr : verdict
  }
  set allowed {
    type ipv4_addr
    flags interval
    auto-merge
    ${allowed}
  }`;
}

/** Who packets come from, and where they are led. */
function entryChains({ names, serviceAddress, dnsPort, proxyPort, subnet }: NftRulesInput): string {
  const boxes = `"${names.linkPrefix}*"`;
  return `
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    iifname ${boxes} jump check_source
  }
  chain check_source {
    meta nfproto ipv6 drop
    iifname . ip saddr @own_address return
    drop
  }
  chain redirect_dns {
    type nat hook prerouting priority dstnat; policy accept;
    iifname ${boxes} ip daddr ${serviceAddress} udp dport 53 dnat ip to ${serviceAddress}:${dnsPort}
    iifname ${boxes} ip daddr ${serviceAddress} tcp dport 53 dnat ip to ${serviceAddress}:${dnsPort}
  }
  chain redirect_to_proxy {
    type nat hook prerouting priority dstnat + 1; policy accept;
    iifname ${boxes} ip saddr @proxied ip daddr != ${serviceAddress} meta l4proto tcp dnat ip to ${serviceAddress}:${proxyPort}
  }
  chain leave_host {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${subnet} ip saddr != ${serviceAddress} oifname != ${boxes} masquerade
  }`;
}

/** Between boxes and this host. */
function hostChains(input: NftRulesInput): string {
  const { names, subnet, serviceAddress, egressAddress, boxPort } = input;
  const boxes = `"${names.linkPrefix}*"`;
  return `
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname ${boxes} jump box_to_host
  }
  chain box_to_host {
    ${serviceRules(input).trim()}
    ${REFUSE}
  }
  chain output {
    type filter hook output priority filter - 10; policy accept;
    oifname ${boxes} jump host_to_box
    ip saddr ${egressAddress} jump proxy_to_outside
  }
  chain proxy_to_outside {
    fib daddr type local ${REFUSE}
    ${deniedRules(subnet)}
  }
  chain host_to_box {
    ct state established,related accept
    ip saddr ${serviceAddress} tcp dport ${boxPort} accept
    drop
  }`;
}

/** Between boxes and the rest of the world. */
function outsideChains({ names, subnet }: NftRulesInput): string {
  const boxes = `"${names.linkPrefix}*"`;
  return `
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    oifname ${boxes} jump outside_to_box
    iifname ${boxes} jump box_to_outside
  }
  chain outside_to_box {
    iifname ${boxes} ${REFUSE}
    ${COUNTED} update @received { ip daddr . ip saddr . ip protocol . th sport counter }
    ct state established,related accept
    drop
  }
  chain box_to_outside {
    meta nfproto ipv6 drop
    ${deniedRules(subnet)}
    ip saddr vmap @egress
    goto pass
  }
  chain pass {
    ${COUNTED} update @sent { ip saddr . ip daddr . ip protocol . th dport counter }
    accept
  }`;
}

/**
 * The whole policy of the boxes' network as one nft script, which replaces what the instance had before at one stroke.
 *
 * Chains run before those of other tables, and other tables may still refuse what is accepted here.
 */
export function nftRules(input: NftRulesInput): string {
  const { table } = input.names;
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {${sets(input)}
  chain refuse {
    ${COUNTED} update @refused { ip saddr . ip daddr . ip protocol . th dport counter }
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }${entryChains(input)}${hostChains(input)}${outsideChains(input)}
}
`;
}

/** Address of the service: the first of the subnet. */
export function serviceAddressOf(subnet: Cidr): number {
  return subnet.first + 1;
}

/** Address that the egress proxy dials from: the second of the subnet, so that the kernel can tell its connections. */
export function egressAddressOf(subnet: Cidr): number {
  return subnet.first + 2;
}

/** Address of the box in a slot: the second usable one of a block of four of its own. */
export function boxAddressOf(subnet: Cidr, slot: number): number {
  return subnet.first + 4 * (slot + 1) + 2;
}
