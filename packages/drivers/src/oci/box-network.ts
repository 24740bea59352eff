import type { BoxNetwork } from '../driver.ts';
import { parseCidr } from './cidr.ts';

/** Where a box's rules stand in the instance's table. */
export interface BoxPlace {
  table: string;
  slot: number;
  address: string;
}

/** Network of a box that was asked for without one. */
export const OPEN_NETWORK: BoxNetwork = { egress: 'all' };

const isBlocks = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && parseCidr(item) !== undefined);

/** True for a network that the rules can be written for. */
export function isBoxNetwork(value: unknown): value is BoxNetwork {
  if (typeof value !== 'object' || value === null) return false;
  const network = value as Partial<Record<string, unknown>>;
  if (network['egress'] === 'all' || network['egress'] === 'none') return true;
  return (
    network['egress'] === 'rules' &&
    isBlocks(network['open']) &&
    isBlocks(network['closed']) &&
    typeof network['proxied'] === 'boolean' &&
    typeof network['hostPorts'] === 'boolean'
  );
}

/**
 * Rules for what goes from the box straight to the outside. Proxied TCP does not: what still comes this way is a
 * connection that was open before the rules were set.
 */
function rulesOf(network: BoxNetwork): string[] {
  if (network.egress !== 'rules') return ['goto refuse'];
  const match = (cidrs: string[], verdict: string): string[] =>
    cidrs.length === 0 ? [] : [`ip daddr { ${merge(cidrs).join(', ')} } ${verdict}`];
  return [
    ...(network.proxied ? ['meta l4proto tcp goto refuse'] : []),
    ...match(network.closed, 'goto refuse'),
    ...match(network.open, 'goto pass'),
    'goto refuse',
  ];
}

/** Blocks that no other of the list covers: nft refuses anonymous sets with overlaps. */
function merge(cidrs: string[]): string[] {
  const blocks = cidrs
    .flatMap((text) => {
      const block = parseCidr(text);
      return block ? [{ text, block }] : [];
    })
    .sort((a, b) => a.block.first - b.block.first || b.block.last - a.block.last);
  let covered = -1;
  return blocks.flatMap(({ text, block }) => {
    if (block.last <= covered) return [];
    covered = block.last;
    return [text];
  });
}

/**
 * Commands for nft that give a box its network, whatever it had before. They are applied as one transaction, and hold
 * whether or not a server runs.
 */
export function boxNetworkCommands({ table, slot, address }: BoxPlace, network: BoxNetwork): string {
  const chain = `inet ${table} box_${slot}`;
  const element = (set: string, value = address): string => `element inet ${table} ${set} { ${value} }`;
  // Adding what is there is no error, deleting what is not there would be.
  const member = (set: string, isMember: boolean): string[] =>
    isMember ? [`add ${element(set)}`] : [`add ${element(set)}`, `delete ${element(set)}`];
  const verdict = element('egress', `${address} : goto box_${slot}`);
  const policy =
    network.egress === 'all'
      ? [`delete ${element('egress')}`, `delete chain ${chain}`]
      : rulesOf(network).map((rule) => `add rule ${chain} ${rule}`);
  const lines = [
    `add chain ${chain}`,
    `flush chain ${chain}`,
    `add ${verdict}`,
    ...policy,
    ...member('proxied', network.egress === 'rules' && network.proxied),
    ...member(
      'no_host_ports',
      network.egress === 'none' || (network.egress === 'rules' && !network.hostPorts),
    ),
  ];
  return `${lines.join('\n')}\n`;
}
