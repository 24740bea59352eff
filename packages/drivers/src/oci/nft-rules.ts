import type { Cidr } from './cidr.ts';
import type { HostNames } from './names.ts';

/** Never reachable from a box, whatever the operator allows: this host, link-local (metadata services), multicast. */
const ALWAYS_DENIED = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'];
/** Private and special ranges (RFC 6890), closed unless the operator opens them. */
const DENIED_BY_DEFAULT = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
];

/** An answer rather than silence: programs in the box then fail at once instead of waiting for a timeout. */
const REFUSE = 'goto refuse';

export interface NftRulesInput {
  names: HostNames;
  /** Subnet of this installation's boxes, `first/prefix`. */
  subnet: string;
  serviceAddress: string;
  servicePort: number;
  dnsPort: number;
  boxPort: number;
  /** Further TCP ports of the service address that boxes may reach. */
  hostPorts: number[];
  allowPrivateCidrs: string[];
  /** Address of every slot's box, in the order of the slots. */
  boxAddresses: string[];
}

function serviceRules({ serviceAddress, servicePort, dnsPort, hostPorts }: NftRulesInput): string {
  return `
    ip daddr ${serviceAddress} tcp dport { ${[servicePort, dnsPort, ...hostPorts].join(', ')} } accept
    ip daddr ${serviceAddress} udp dport ${dnsPort} accept`;
}

/**
 * The whole policy of the boxes' network as one nft script, which replaces what the instance had before at one stroke.
 *
 * Chains run before those of other tables, and other tables may still refuse what is accepted here.
 */
export function nftRules(input: NftRulesInput): string {
  const { names, subnet, serviceAddress, dnsPort, boxPort, allowPrivateCidrs, boxAddresses } = input;
  const boxes = `"${names.linkPrefix}*"`;
  const pairs = boxAddresses.map((address, slot) => `"${names.link(slot)}" . ${address}`).join(', ');
  const allowed = allowPrivateCidrs.length > 0 ? `elements = { ${allowPrivateCidrs.join(', ')} }` : '';
  return `table inet ${names.table}
delete table inet ${names.table}
table inet ${names.table} {
  set own_address {
    type ifname . ipv4_addr
    elements = { ${pairs} }
  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }
  set allowed {
    type ipv4_addr
    flags interval
    auto-merge
    ${allowed}
  }
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
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname ${boxes} jump box_to_host
  }
  chain box_to_host {
    ct state established,related accept${serviceRules(input)}
    ${REFUSE}
  }
  chain output {
    type filter hook output priority filter - 10; policy accept;
    oifname ${boxes} jump host_to_box
  }
  chain host_to_box {
    ct state established,related accept
    ip saddr ${serviceAddress} tcp dport ${boxPort} accept
    drop
  }
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    oifname ${boxes} jump outside_to_box
    iifname ${boxes} jump box_to_outside
  }
  chain outside_to_box {
    iifname ${boxes} drop
    ct state established,related accept
    drop
  }
  chain box_to_outside {
    meta nfproto ipv6 drop
    ip daddr { ${[...ALWAYS_DENIED, subnet].join(', ')} } ${REFUSE}
    ip daddr @allowed accept
    ip daddr { ${DENIED_BY_DEFAULT.join(', ')} } ${REFUSE}
    accept
  }
  chain leave_host {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${subnet} ip saddr != ${serviceAddress} oifname != ${boxes} masquerade
  }
}
`;
}

/** Address of the service: the first of the subnet. */
export function serviceAddressOf(subnet: Cidr): number {
  return subnet.first + 1;
}

/** Address of the box in a slot: the second usable one of a block of four of its own. */
export function boxAddressOf(subnet: Cidr, slot: number): number {
  return subnet.first + 4 * (slot + 1) + 2;
}
