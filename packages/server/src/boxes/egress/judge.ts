import type { BoxEgress } from '../../services/network/box-egress.ts';
import { plainName, type EgressPolicy, type Verdict } from '../../services/network/egress-policy.ts';
import { isIPv4 } from 'node:net';
import type { Opening } from './first-bytes.ts';

/** Where a connection was going before the host redirected it. */
export interface Destination {
  address: string;
  port: number;
}

/** How a connection is to be treated. */
export type Judgement =
  | (Verdict & { allowed: false; host: string | null })
  /** Passed on as it is to the addresses of a name. */
  | { allowed: true; rule: string; host: string; to: 'name' }
  /** Passed on as it is to the address it was going to. */
  | { allowed: true; rule: string; host: string | null; to: 'address' }
  /** Each request is judged by its Host header. */
  | { allowed: true; rule: string; host: null; to: 'http' };

/** Ports on which nothing goes that shows no name, although its address belongs to an allowed one. */
const CLOSED_PORTS: ReadonlyMap<number, string> = new Map([
  [53, 'another name service'],
  [80, 'neither TLS nor HTTP on this port'],
  [443, 'neither TLS nor HTTP on this port'],
  [853, 'another name service'],
]);

function refuse(rule: string, host: string | null): Judgement {
  return { allowed: false, rule, host };
}

/** Judges a TLS connection. Its name decides, and the address follows from the name, whatever address was dialled. */
function judgeTls(policy: EgressPolicy, serverName: string | null, { address }: Destination): Judgement {
  const block = policy.allowedBlock(address);
  const name = serverName === null ? null : plainName(serverName);
  // An address as a name, which the standard forbids, says no more than the address that was dialled.
  if (name === null || isIPv4(name)) {
    if (block !== undefined && !policy.deniesNames)
      return { allowed: true, rule: block, host: null, to: 'address' };
    if (block !== undefined) return refuse('a TLS connection without a server name', name);
    const verdict = policy.judgeAddress(address);
    return refuse(verdict.allowed ? 'a TLS connection without a server name' : verdict.rule, name);
  }
  const verdict = policy.judgeName(name);
  if (verdict.allowed) return { allowed: true, rule: verdict.rule, host: name, to: 'name' };
  // An allowed block is allowed whatever name is spoken there, unless the name is on the deny list.
  return block !== undefined && policy.deniedName(name) === undefined
    ? { allowed: true, rule: block, host: name, to: 'address' }
    : refuse(verdict.rule, name);
}

/** Judges what is neither TLS nor HTTP: by the names that the box had looked up when it got this address. */
function judgeOther(box: BoxEgress, { address, port }: Destination): Judgement {
  const { policy, names } = box;
  const denied = policy.deniedBlock(address);
  if (denied !== undefined) return refuse(denied, null);
  const block = policy.allowedBlock(address);
  if (block !== undefined) return { allowed: true, rule: block, host: null, to: 'address' };
  const closed = CLOSED_PORTS.get(port);
  if (closed !== undefined) return refuse(closed, null);
  const known = names.namesOf(address).map((name) => ({ name, verdict: policy.judgeName(name) }));
  const refused = known.find(({ verdict }) => !verdict.allowed);
  if (refused) return refuse(refused.verdict.rule, refused.name);
  const [first] = known;
  if (first) return { allowed: true, rule: first.verdict.rule, host: first.name, to: 'address' };
  const verdict = policy.judgeAddress(address);
  if (!verdict.allowed) return refuse(verdict.rule, null);
  return { allowed: true, rule: verdict.rule, host: null, to: 'address' };
}

/** Judges one HTTP request by its host: a name, or an address, which has to be the one that was dialled. */
export function judgeRequest(policy: EgressPolicy, host: string, { address }: Destination): Judgement {
  const block = policy.allowedBlock(address);
  if (isIPv4(host)) {
    if (host !== address) return refuse('a Host header with another address', host);
    const verdict = policy.judgeAddress(address);
    return verdict.allowed ? { ...verdict, allowed: true, host, to: 'address' } : refuse(verdict.rule, host);
  }
  const verdict = policy.judgeName(host);
  if (verdict.allowed) return { allowed: true, rule: verdict.rule, host, to: 'name' };
  return block !== undefined && policy.deniedName(host) === undefined
    ? { allowed: true, rule: block, host, to: 'address' }
    : refuse(verdict.rule, host);
}

/** Decides what becomes of a connection of a box. */
export function judge(box: BoxEgress, opening: Opening, destination: Destination): Judgement {
  const { policy } = box;
  switch (opening.kind) {
    case 'unusable':
      return refuse('its beginning cannot be judged', null);
    case 'tls':
      return judgeTls(policy, opening.serverName, destination);
    case 'http': {
      const block = policy.allowedBlock(destination.address);
      return block !== undefined && !policy.deniesNames
        ? { allowed: true, rule: block, host: null, to: 'address' }
        : { allowed: true, rule: '', host: null, to: 'http' };
    }
    case 'silent':
    case 'other':
      return judgeOther(box, destination);
  }
}
