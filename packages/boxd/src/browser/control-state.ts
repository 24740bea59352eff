import { readFileSync } from 'node:fs';
import { boxControlSchema } from '@banata/protocol/box';
import type { BoxControl } from '@banata/protocol/box';
import { writeFileAtomically } from '../atomic-file.ts';
import { BoxError } from '../http/route.ts';
import type { BoxLogger, EventSink } from '../services.ts';
import type { CdpClientKind, CdpEventPolicy, CdpRefusal } from './cdp-policy.ts';
import { answerForPerson, isAllowedBesidePerson, passesBesidePerson } from './human-policy.ts';

/** Automation that keeps trying is told of in events no more often than this, per kind of client. */
const REFUSAL_EVENT_EVERY_MS = 5_000;

const RUNS_SCRIPT = new Set(['Runtime.evaluate', 'Runtime.callFunctionOn']);

const AUTOMATION: BoxControl = { epoch: 0, mode: 'ai', controller: null };
/** What holds when the file cannot be understood: nobody is let in until the server has said who may. */
const CLOSED: BoxControl = { epoch: 0, mode: 'human', controller: null };

type Refused = 'cdp' | 'agent' | 'computer';

export interface ControlStateOptions {
  /** File that keeps it over a restart of the daemon. */
  path: string;
  events: EventSink;
  logger: BoxLogger;
  /** Called when automation is to stop at once. */
  onHeld: () => void;
  /** Called when automation may go on. */
  onReleased: () => void;
}

/** Who may drive the browser, as the server said last. */
export class ControlState {
  readonly #options: ControlStateOptions;
  readonly #toldAt = new Map<Refused, number>();
  #control: BoxControl;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ControlStateOptions) {
    this.#options = options;
    this.#control = this.#load();
  }

  get current(): BoxControl {
    return this.#control;
  }

  /** Takes what the server says unless it is older than what is known; answers what is in force. */
  set(wanted: BoxControl): Promise<BoxControl> {
    const turn = this.#turn.then(() => this.#set(wanted));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Why a message of a CDP client is refused; undefined to let it through. */
  refuse(kind: CdpClientKind, method: string, params: Record<string, unknown>): CdpRefusal | undefined {
    if (this.#control.mode !== 'human' || isAllowedBesidePerson(method, params)) return undefined;
    this.#tell(kind === 'agent' ? 'agent' : 'cdp', method);
    const message = `${this.#reason()} ${method} is refused until then.`;
    return { code: -32000, message, thrown: RUNS_SCRIPT.has(method) };
  }

  /** What becomes of an event on its way to a CDP client. */
  readonly eventPolicy: CdpEventPolicy = (method, params) => {
    if (this.#control.mode !== 'human' || passesBesidePerson(method)) return 'pass';
    return answerForPerson(method, params()) ?? 'drop';
  };

  /** @throws BoxError 409 `CONTROL_HELD_BY_HUMAN` while a person has control. */
  requireAutomation(act: string): void {
    if (this.#control.mode !== 'human') return;
    this.#tell('computer', act);
    throw new BoxError(409, 'CONTROL_HELD_BY_HUMAN', this.#reason());
  }

  async #set(wanted: BoxControl): Promise<BoxControl> {
    if (wanted.epoch < this.#control.epoch) return this.#control;
    const { epoch, mode, controller } = wanted;
    const wasHeld = this.#control.mode === 'human';
    const held = mode === 'human' && !wasHeld;
    // Stopped before it is written down, allowed only after.
    if (mode === 'human') this.#control = { epoch, mode, controller };
    if (held) this.#options.onHeld();
    await writeFileAtomically(this.#options.path, JSON.stringify({ epoch, mode, controller }));
    this.#control = { epoch, mode, controller };
    if (wasHeld && mode !== 'human') this.#options.onReleased();
    return this.#control;
  }

  #load(): BoxControl {
    try {
      return boxControlSchema.parse(JSON.parse(readFileSync(this.#options.path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return AUTOMATION;
      this.#options.logger.error('control.unreadable', { error: (error as Error).message });
      return CLOSED;
    }
  }

  #reason(): string {
    const who = this.#control.controller ?? 'A person';
    return `CONTROL_HELD_BY_HUMAN: ${who} has control of the browser; wait for the event sandbox.control.changed.`;
  }

  #tell(client: Refused, what: string): void {
    const now = performance.now();
    const last = this.#toldAt.get(client);
    if (last !== undefined && now - last < REFUSAL_EVENT_EVERY_MS) return;
    this.#toldAt.set(client, now);
    const body = { type: 'control.refused' as const, data: { client, what: what.slice(0, 100) } };
    this.#options.events.append(body).catch((error: Error) => {
      this.#options.logger.error('browser.event', { type: body.type, error: error.message });
    });
  }
}
