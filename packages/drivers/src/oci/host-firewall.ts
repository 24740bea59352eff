import { CommandError } from './command.ts';
import type { RunCommand } from './command.ts';
import type { Logger } from './logger.ts';
import type { HostNames } from './names.ts';

/*
 * An accept in our own table does not overrule a drop in another. Docker, ufw and others set such drops with iptables;
 * there our interfaces get an accept of their own, which our table's rules still narrow.
 */

/** Opens chains of iptables whose policy drops what boxes need, and closes them again. */
export class HostFirewall {
  readonly #names: HostNames;
  readonly #logger: Logger;
  readonly #run: RunCommand;

  constructor(names: HostNames, logger: Logger, run: RunCommand) {
    this.#names = names;
    this.#logger = logger;
    this.#run = run;
  }

  async #iptables(args: string[]): Promise<string | undefined> {
    try {
      return await this.#run('iptables', ['-w', '5', ...args]);
    } catch (error) {
      if (error instanceof CommandError) return undefined;
      throw error;
    }
  }

  #rules(): Record<'INPUT' | 'FORWARD', string[][]> {
    const mark = ['-m', 'comment', '--comment', this.#names.table, '-j', 'ACCEPT'];
    const boxes = `${this.#names.linkPrefix}+`;
    return {
      INPUT: [['-i', boxes, ...mark]],
      FORWARD: [
        ['-i', boxes, ...mark],
        ['-o', boxes, ...mark],
      ],
    };
  }

  /** Lets boxes through where a policy drops by default. Says so in the log when that is not possible. */
  async open(): Promise<void> {
    for (const hook of ['INPUT', 'FORWARD'] as const) {
      const listing = await this.#iptables(['-S', hook]);
      if (listing === undefined || !listing.startsWith(`-P ${hook} DROP`)) continue;
      // Docker rewrites FORWARD when it starts, and leaves this chain to others.
      const hasDockerChain =
        hook === 'FORWARD' && (await this.#iptables(['-S', 'DOCKER-USER'])) !== undefined;
      await this.#accept(hasDockerChain ? 'DOCKER-USER' : hook, this.#rules()[hook]);
    }
    await this.#warnOfForeignDrops();
  }

  async #accept(chain: string, rules: string[][]): Promise<void> {
    for (const rule of rules) {
      if ((await this.#iptables(['-C', chain, ...rule])) !== undefined) continue;
      if ((await this.#iptables(['-I', chain, ...rule])) !== undefined) continue;
      this.#logger.warn(
        { chain, rule: rule.join(' ') },
        'the host firewall drops traffic of boxes and could not be opened',
      );
      return;
    }
    this.#logger.info({ chain }, 'host firewall opened for boxes');
  }

  /** Removes what {@link open} inserted. */
  async close(): Promise<void> {
    const rules = this.#rules();
    const chains = { INPUT: rules.INPUT, FORWARD: rules.FORWARD, 'DOCKER-USER': rules.FORWARD };
    for (const [chain, list] of Object.entries(chains)) {
      if ((await this.#iptables(['-S', chain])) === undefined) continue;
      for (const rule of list) while ((await this.#iptables(['-D', chain, ...rule])) !== undefined);
    }
  }

  async #warnOfForeignDrops(): Promise<void> {
    const listing = await this.#run('nft', ['list', 'chains']);
    for (const { table, hook } of foreignDrops(listing, this.#names.table)) {
      this.#logger.warn(
        { table, hook },
        `nftables table "${table}" drops by default at ${hook}: accept interfaces ${this.#names.linkPrefix}* there, or boxes lack a network`,
      );
    }
  }
}

/** Tables, other than `ownTable`, whose chains drop by default what boxes send. Takes the text of `nft list chains`. */
export function foreignDrops(listing: string, ownTable: string): { table: string; hook: string }[] {
  let table = '';
  return listing.split('\n').flatMap((line) => {
    table = /^table (\S+ \S+)/.exec(line)?.[1] ?? table;
    const hook = /hook (input|forward) .*policy drop/.exec(line)?.[1];
    // Tables of the families ip and ip6 named filter belong to iptables, whose chains are opened above.
    return hook === undefined || /^ip6? filter$/.test(table) || table.endsWith(` ${ownTable}`)
      ? []
      : [{ table, hook }];
  });
}
