import { BanataError } from '@banata-boxes/sdk';

/** Cases that were tried, each with what came of it and how long it took. */
export class CaseTable {
  readonly #cases: { what: string; answer: string; ms: number }[] = [];

  /** Does something and notes it. */
  async noted<T>(what: string, work: () => Promise<T>, tell: (value: T) => string): Promise<T> {
    const began = performance.now();
    const value = await work();
    this.#cases.push({ what, answer: tell(value), ms: performance.now() - began });
    return value;
  }

  print(): void {
    const lines = this.#cases.map(
      ({ what, answer, ms }) => `${what.padEnd(52)} ${String(Math.round(ms)).padStart(6)} ms  ${answer}`,
    );
    process.stderr.write(`\n${lines.join('\n')}\n`);
  }
}

/** The code with which the API refused a call, or `done`. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([work]);
  if (outcome.status === 'fulfilled') return 'done';
  return outcome.reason instanceof BanataError ? outcome.reason.code : String(outcome.reason);
}
