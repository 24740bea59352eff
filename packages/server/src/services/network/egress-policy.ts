import { isAddressRule, type Network } from '@banata/protocol';
import type { BoxNetwork } from '@banata/drivers';
import { BlockList } from 'node:net';

/** Name under which boxes reach the host ports that the operator opened. */
const HOST_ALIAS = 'host.banata.internal';

/** What the rules say of one name or address. */
export interface Verdict {
  allowed: boolean;
  /** The entry that decided, or a word for what did. */
  rule: string;
}

/** Nothing in the rules names it. */
const UNLISTED: Verdict = { allowed: false, rule: 'not on the allow list' };
const ANYTHING: Verdict = { allowed: true, rule: '*' };

/** One list of rules: domains, wildcards and address blocks. */
class RuleList {
  readonly hasAnything: boolean;
  readonly blocks: string[];
  readonly hasDomains: boolean;
  readonly #names = new Set<string>();
  readonly #wildcards = new Set<string>();
  readonly #lists: { text: string; list: BlockList }[];

  constructor(rules: readonly string[]) {
    this.hasAnything = rules.includes('*');
    this.blocks = rules.filter(isAddressRule);
    const domains = rules.filter((rule) => rule !== '*' && !isAddressRule(rule));
    this.hasDomains = domains.length > 0;
    for (const rule of domains) {
      if (rule.startsWith('*.')) this.#wildcards.add(rule.slice(2));
      else this.#names.add(rule);
    }
    this.#lists = this.blocks.map((text) => ({ text, list: blockList(text) }));
  }

  /** The entry that covers a name, other than `*`. */
  entryOfName(name: string): string | undefined {
    if (this.#names.has(name)) return name;
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const parent = name.slice(dot + 1);
      if (this.#wildcards.has(parent)) return `*.${parent}`;
    }
    return undefined;
  }

  /** The block that an address lies in. */
  entryOfAddress(address: string): string | undefined {
    return this.#lists.find(({ list }) => list.check(address, 'ipv4'))?.text;
  }
}

function blockList(text: string): BlockList {
  const [address = '', prefix = '32'] = text.split('/');
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), 'ipv4');
  return list;
}

/** A name as the rules compare it: lowercase, without the dot of the root. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** What one sandbox may reach, ready to be asked. Ranges that no sandbox may reach are not its matter. */
export class EgressPolicy {
  readonly mode: 'all' | 'none' | 'rules';
  readonly #allow: RuleList;
  readonly #deny: RuleList;

  constructor({ egress }: Network) {
    this.mode = typeof egress === 'string' ? egress : 'rules';
    this.#allow = new RuleList(typeof egress === 'string' ? [] : (egress.allow ?? ['*']));
    this.#deny = new RuleList(typeof egress === 'string' ? [] : (egress.deny ?? []));
  }

  /** Whether names decide, so that connections have to be looked into. */
  get judgesNames(): boolean {
    return this.mode === 'rules' && (this.#allow.hasDomains || this.#deny.hasDomains);
  }

  /** Whether some name is denied, so that what carries no name may not pass as anything. */
  get deniesNames(): boolean {
    return this.#deny.hasDomains;
  }

  /** The entry of the deny list that covers a name. */
  deniedName(name: string): string | undefined {
    return this.#deny.hasAnything ? '*' : this.#deny.entryOfName(name);
  }

  judgeName(name: string): Verdict {
    if (this.mode === 'all') return { allowed: true, rule: 'all' };
    if (this.mode === 'none') return { allowed: false, rule: 'none' };
    const denied = this.deniedName(name);
    if (denied !== undefined) return { allowed: false, rule: denied };
    const allowed = this.#allow.entryOfName(name);
    if (allowed !== undefined) return { allowed: true, rule: allowed };
    return this.#allow.hasAnything ? ANYTHING : UNLISTED;
  }

  judgeAddress(address: string): Verdict {
    if (this.mode === 'all') return { allowed: true, rule: 'all' };
    if (this.mode === 'none') return { allowed: false, rule: 'none' };
    const denied = this.deniedBlock(address);
    if (denied !== undefined) return { allowed: false, rule: denied };
    const allowed = this.#allow.entryOfAddress(address);
    if (allowed !== undefined) return { allowed: true, rule: allowed };
    return this.#allow.hasAnything ? ANYTHING : UNLISTED;
  }

  /** The block of the allow list that an address lies in, whatever the name it goes by. */
  allowedBlock(address: string): string | undefined {
    return this.judgeAddress(address).allowed ? this.#allow.entryOfAddress(address) : undefined;
  }

  /** The block of the deny list that an address lies in. */
  deniedBlock(address: string): string | undefined {
    return this.#deny.hasAnything ? '*' : this.#deny.entryOfAddress(address);
  }

  /** The part of the rules that the host's kernel holds. */
  toBoxNetwork(): BoxNetwork {
    if (this.mode !== 'rules') return { egress: this.mode };
    const everything = this.#deny.hasAnything ? ['0.0.0.0/0'] : [];
    // Names cannot be told in UDP, so where a name is denied only listed blocks are open to it.
    const anywhere = this.#allow.hasAnything && !this.#deny.hasDomains ? ['0.0.0.0/0'] : [];
    return {
      egress: 'rules',
      proxied: this.judgesNames,
      open: [...this.#allow.blocks, ...anywhere],
      closed: [...this.#deny.blocks, ...everything],
      hostPorts: this.judgeName(HOST_ALIAS).allowed,
    };
  }
}
