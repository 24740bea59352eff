import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { TokenUsage } from './usage-meter.ts';

const price = z.number().min(0).max(1_000_000);
const fileSchema = z.record(
  z.string().min(1).max(256),
  z.strictObject({
    input: price,
    output: price,
    cacheRead: price.optional(),
    cacheWrite: price.optional(),
  }),
);
type Prices = z.infer<typeof fileSchema>;

const PER_MILLION = 1_000_000;

/** What models cost whose providers do not say it, in US dollars per million tokens. */
export class PriceTable {
  readonly #prices: Prices;

  constructor(prices: Prices) {
    this.#prices = prices;
  }

  /**
   * Reads the operator's table; an empty one where there is no file.
   * @throws Error that says what is wrong with it.
   */
  static async load(file: string | undefined): Promise<PriceTable> {
    if (file === undefined) return new PriceTable({});
    let content: unknown;
    try {
      content = JSON.parse(await readFile(file, 'utf8'));
    } catch (cause) {
      throw new Error(`BANATA_MODEL_PRICES_FILE="${file}" cannot be read as JSON. See docs/models.md.`, {
        cause,
      });
    }
    const parsed = fileSchema.safeParse(content);
    if (parsed.success) return new PriceTable(parsed.data);
    throw new Error(
      `BANATA_MODEL_PRICES_FILE="${file}": ${z.prettifyError(parsed.error)} Give prices by model. See docs/models.md.`,
    );
  }

  /**
   * What a call cost: as its provider said, else by the table. Null where neither knows.
   * @param names of the model, as it was asked for and as it answered.
   */
  costOf(usage: TokenUsage, names: readonly (string | null)[]): number | null {
    if (usage.costUsd !== null) return usage.costUsd;
    const known = names.find((name) => name !== null && Object.hasOwn(this.#prices, name));
    const prices = known == null ? undefined : this.#prices[known];
    if (prices === undefined) return null;
    const { cacheReadTokens: read, cacheWriteTokens: written } = usage;
    const plain = Math.max(0, (usage.inputTokens ?? 0) - read - written);
    const sum =
      plain * prices.input +
      read * (prices.cacheRead ?? prices.input) +
      written * (prices.cacheWrite ?? prices.input) +
      (usage.outputTokens ?? 0) * prices.output;
    return sum / PER_MILLION;
  }
}
