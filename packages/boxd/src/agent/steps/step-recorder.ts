import { type BrowserStep, MAX_STEPS } from '@banata/protocol/box';
import type { SecretVault } from '../../browser/forms/secret-vault.ts';
import { PageWatch } from '../../browser/steps/page-watch.ts';
import type { BoxLogger, BrowserService } from '../../services.ts';
import type { OpenCodePart } from '../opencode/schemas.ts';
import { BROWSER_MCP } from '../server/opencode-config.ts';
import { describeStep } from './describe-step.ts';
import { SecretMask } from './mask.ts';
import { type RawStep, stepsOfCall } from './tool-call.ts';

type ToolPart = Extract<OpenCodePart, { type: 'tool' }>;

export interface StepRecorderOptions {
  browser: BrowserService;
  logger: BoxLogger;
  /** Of the sandbox, for its secrets. */
  env: Record<string, string>;
}

/** What one task was seen to do. */
export interface Recording {
  steps: BrowserStep[];
  /** What went wrong on the way, in words, each after the number of steps that were done before it. */
  troubles: { after: number; text: string }[];
  /** There was more than is kept. */
  isCut: boolean;
  /** Puts the names of inputs in place of the secrets that were entered. */
  mask: (text: string) => string;
}

const LIVE_MS = 2_000;
const MAX_TROUBLES = 50;
/** Steps go into the task's report, its events and its row, as JSON; more of them are left out, as too many are. */
const MAX_RECORDED = 512 * 1024;

/** Records what a task does: from its tool calls, and from what is seen in the browser while they run. */
export class StepRecorder {
  readonly #options: StepRecorderOptions;
  readonly #mask: SecretMask;
  readonly #seen = new Set<string>();
  readonly #steps: BrowserStep[] = [];
  readonly #troubles: Recording['troubles'] = [];
  #watch: PageWatch | null = null;
  #url: string | null = null;
  #last: Promise<void> = Promise.resolve();
  #closed = false;
  #recorded = 0;
  #isFull = false;

  constructor(options: StepRecorderOptions) {
    this.#options = options;
    this.#mask = new SecretMask(options.env);
  }

  /** Takes a tool call in its newest state; returns at once. A state that was seen before counts once. */
  see(part: ToolPart): void {
    const { status } = part.state;
    const phase = status === 'completed' || status === 'error' ? 'end' : 'begin';
    const key = `${part.id} ${phase}`;
    if (this.#seen.has(key) || this.#closed) return;
    this.#seen.add(key);
    this.#last = this.#last
      .then(() => (phase === 'begin' ? this.#begin(part) : this.#end(part)))
      .catch((error: unknown) => this.#options.logger.warn('agent.steps', { reason: String(error) }));
  }

  /** What was seen so far. */
  async recording(): Promise<Recording> {
    await this.#last;
    return {
      steps: [...this.#steps],
      troubles: [...this.#troubles],
      isCut: this.#isFull,
      mask: (text) => this.#mask.text(this.#secrets().mask(text)),
    };
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
    this.#watch = null;
  }

  async #begin(part: ToolPart): Promise<void> {
    if (!part.tool.startsWith(`${BROWSER_MCP}_`)) return;
    const isFirst = this.#watch === null;
    const watch = await this.#follow();
    if (isFirst) this.#url = (await watch?.url()) ?? null;
  }

  async #end({ tool, state }: ToolPart): Promise<void> {
    if (state.status !== 'completed' && state.status !== 'error') return;
    const isBrowser = tool.startsWith(`${BROWSER_MCP}_`);
    const output = state.status === 'completed' ? state.output : state.error;
    if (state.status === 'error' || (isBrowser && output.startsWith('### Error'))) {
      this.#watch?.take();
      this.#trouble(`${tool} ${JSON.stringify(state.input) ?? ''}`, output);
      return;
    }
    const watch = isBrowser ? this.#watch : null;
    const urlAfter = watch === null ? this.#url : await watch.url();
    const call = { tool, input: state.input, output, actions: watch?.take() ?? [] };
    for (const raw of stepsOfCall({ ...call, urlBefore: this.#url, urlAfter })) this.#add(raw);
    this.#url = urlAfter;
  }

  #add({ secret, ...raw }: RawStep): void {
    if (this.#isFull) return;
    const name = raw.element?.name ?? '';
    const isInput = raw.value !== null && holdsSecret(raw.value);
    const hidden = secret && raw.action === 'fill' && raw.value !== null && !isInput;
    const value = hidden ? this.#mask.add(name, raw.value ?? '') : this.#masked(raw.value);
    const url = (text: string | null): string | null => text && this.#address(text);
    const urls = { urlBefore: url(raw.urlBefore), urlAfter: url(raw.urlAfter) };
    const seen = { ...raw, ...urls, value };
    const step = { ...seen, description: describeStep(seen) };
    // Its words stand in the report twice more.
    const size = JSON.stringify(step).length + 2 * step.description.length;
    this.#isFull ||= this.#steps.length >= MAX_STEPS || this.#recorded + size > MAX_RECORDED;
    // None after one that is left out: what comes later may need it.
    if (this.#isFull) return;
    this.#recorded += size;
    this.#steps.push(step);
  }

  #masked(text: string | null): string | null {
    return text === null ? null : toInputs(this.#mask.text(this.#secrets().mask(text)));
  }

  /** Without query and fragment once something secret was entered: sites put there what they like, in any form. */
  #address(text: string): string {
    const plain = this.#secrets().isEmpty ? text : text.replace(/[?#].*$/s, '');
    return toInputs(this.#mask.url(this.#secrets().mask(plain)));
  }

  #secrets(): SecretVault {
    return this.#options.browser.secrets;
  }

  #trouble(what: string, output: string): void {
    if (this.#troubles.length >= MAX_TROUBLES) return;
    const whole = `${what.slice(0, 300)} failed: ${output.replaceAll(/\s+/g, ' ').slice(0, 300)}`;
    const text = this.#mask.text(this.#secrets().mask(whole));
    this.#troubles.push({ after: this.#steps.length, text });
  }

  async #follow(): Promise<PageWatch | null> {
    try {
      const live = await this.#options.browser.live(AbortSignal.timeout(LIVE_MS));
      if (this.#watch?.isOf(live) !== true) {
        this.#watch?.close();
        this.#watch = new PageWatch(live);
      }
      if (this.#closed) this.close();
      await this.#watch?.follow();
    } catch (error) {
      this.#options.logger.warn('agent.steps.browser', { reason: String(error) });
    }
    return this.#watch;
  }
}

const ENTERED = /\{\{secret:([a-z][a-z0-9_]*)\}\}/g;

function holdsSecret(text: string): boolean {
  return text.search(ENTERED) >= 0;
}

/** What a person entered is an input of the recipe. */
function toInputs(text: string): string {
  return text.replaceAll(ENTERED, '{{$1}}');
}
