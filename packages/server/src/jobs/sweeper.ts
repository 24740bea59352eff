import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { ActivityService } from '../services/activity.ts';
import type { Background } from '../services/background.ts';
import { takesWork } from '../services/sandboxes/status.ts';
import type { Terminator } from '../services/sandboxes/terminator.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';

/** A deadline is announced this long before it strikes, or at a tenth of the whole time where that is shorter. */
const ANNOUNCE_MS = 60_000;

export interface SweeperDeps {
  store: SandboxStore;
  activity: ActivityService;
  terminator: Terminator;
  background: Background;
  /** Sandboxes with tasks that have not finished. */
  busySandboxes: () => Promise<Set<string>>;
  now: () => number;
}

interface Deadline {
  at: number;
  cause: 'max_duration' | 'idle';
  /** The whole time that led to it. */
  span: number;
}

/** Holds sandboxes to their deadlines. All of them are columns, so they hold over restarts and over many servers. */
export class Sweeper {
  readonly #deps: SweeperDeps;

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
  }

  /** One round over the sandboxes that live. */
  async sweep(): Promise<void> {
    const active = await this.#deps.activity.flush();
    const busy = await this.#deps.busySandboxes();
    for (const row of await this.#deps.store.listLive()) {
      // It ends with its sandbox.
      if (row.paired_with !== null) continue;
      const working = active.includes(row.id) || busy.has(row.id) || row.active_until > this.#deps.now();
      await this.#showActivity(row, working);
      await this.#holdToDeadline(row, working);
    }
  }

  async #showActivity(row: SandboxRow, working: boolean): Promise<void> {
    const { store, now } = this.#deps;
    if (row.status === 'ready' && working) {
      await store.transition(row.id, { to: 'active', events: [{ type: 'sandbox.active', data: {} }] }, now());
    } else if (row.status === 'active' && !working) {
      await store.transition(row.id, { to: 'ready', events: [{ type: 'sandbox.idle', data: {} }] }, now());
    }
  }

  async #holdToDeadline(row: SandboxRow, working: boolean): Promise<void> {
    const { store, terminator, background, now } = this.#deps;
    const deadline = nextDeadline(row, working);
    if (!deadline || !takesWork(row.status)) return;
    const { at, cause, span } = deadline;
    if (at <= now()) {
      const reason =
        cause === 'idle'
          ? 'Ended after its idle timeout without activity.'
          : 'Ended at its maximum duration.';
      // On its own time: a box that is slow to hand over what is kept must not hold up the deadlines of others. And
      // nobody pays for the time in which no server was there to end it.
      background.run('end-sandbox', () => terminator.end(row.id, reason, at));
    } else if (at - now() <= Math.min(ANNOUNCE_MS, span / 10) && row.announced_deadline !== at) {
      const event = { type: 'sandbox.timeout.near' as const, data: { endsAt: at, cause } };
      await store.update(row.id, { announced_deadline: at }, [event], now());
    }
  }
}

function nextDeadline(row: SandboxRow, working: boolean): Deadline | undefined {
  const deadlines: Deadline[] = [
    { at: row.expires_at, cause: 'max_duration', span: row.expires_at - row.created_at },
  ];
  if (row.idle_timeout_ms !== null && !working) {
    deadlines.push({
      at: row.last_activity_at + row.idle_timeout_ms,
      cause: 'idle',
      span: row.idle_timeout_ms,
    });
  }
  return deadlines.sort((a, b) => a.at - b.at)[0];
}
