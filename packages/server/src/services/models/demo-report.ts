import { DEMO_ORDER, DEMO_SITE_URL } from './demo-site.ts';

/** One row of the price list as it was read. Money in cents. */
export interface DemoOffer {
  supplier: string;
  prices: number[];
  shipping: number;
  delivery: string;
  /** The whole order, shipping included. */
  total: number;
}

const CELL = /^\s*- (?:cell|gridcell|rowheader)(?: "(?<quoted>[^"]*)")?(?: \[[^\]]*\])*(?:: (?<plain>.*))?$/;

function cells(rowText: string): string[] {
  return rowText.split('\n').flatMap((line) => {
    const match = CELL.exec(line)?.groups;
    const text = match?.['quoted'] ?? match?.['plain'];
    return text === undefined ? [] : [text.trim()];
  });
}

function cents(text: string | undefined): number | null {
  const match = /^€\s*(\d{1,6})\.(\d\d)$/.exec(text ?? '');
  return match === null ? null : Number(match[1]) * 100 + Number(match[2]);
}

function offer(row: string[]): DemoOffer | null {
  const [supplier, ...rest] = row;
  const delivery = rest.at(-1);
  const money = rest.slice(0, -1).map(cents);
  if (supplier === undefined || delivery === undefined || money.length !== DEMO_ORDER.length + 1) return null;
  const known = money.filter((value) => value !== null);
  if (known.length !== money.length) return null;
  const shipping = known.at(-1) ?? 0;
  const prices = known.slice(0, -1);
  const goods = DEMO_ORDER.reduce((sum, { quantity }, index) => sum + quantity * (prices[index] ?? 0), 0);
  return { supplier, prices, shipping, delivery, total: goods + shipping };
}

/** Reads the price list out of the text of a page snapshot, cheapest order first; empty when it is not in there. */
export function readOffers(snapshot: string): DemoOffer[] {
  const rows = snapshot.split(/^\s*- row\b.*$/m).slice(1);
  return rows
    .map((text) => offer(cells(text)))
    .filter((item) => item !== null)
    .toSorted((a, b) => a.total - b.total);
}

/** Euro with two decimals. */
export function euro(amount: number): string {
  return `€ ${(amount / 100).toFixed(2)}`;
}

function tableRow({ supplier, prices, shipping, delivery, total }: DemoOffer): string {
  return `| ${[supplier, ...prices.map(euro), euro(shipping), delivery, `**${euro(total)}**`].join(' | ')} |`;
}

function cheapestOf(offers: DemoOffer[], index: number): DemoOffer | undefined {
  return offers.toSorted((a, b) => (a.prices[index] ?? 0) - (b.prices[index] ?? 0))[0];
}

const ORDER_TEXT = DEMO_ORDER.map(({ part, quantity }) => `- ${quantity} × ${part}`).join('\n');

/** The report on what was read in the browser. */
export function comparisonReport(offers: DemoOffer[]): string {
  const columns = ['Supplier', ...DEMO_ORDER.map(({ part }) => part), 'Shipping', 'Delivery', 'Whole order'];
  const best = offers[0];
  const single = DEMO_ORDER.map(({ part }, index) => {
    const cheapest = cheapestOf(offers, index);
    return `- ${part}: ${cheapest?.supplier ?? 'nobody'} at ${euro(cheapest?.prices[index] ?? 0)}`;
  });
  return `# Spare parts: which supplier is cheapest?

Order:

${ORDER_TEXT}

| ${columns.join(' | ')} |
|${columns.map(() => '---|').join('')}
${offers.map(tableRow).join('\n')}

**Cheapest for the whole order: ${best?.supplier ?? 'nobody'}, ${euro(best?.total ?? 0)}, delivery in ${best?.delivery ?? 'unknown time'}.**

Cheapest for each part:

${single.join('\n')}

## Where the figures come from

A fixed demo script wrote this report, not a language model. It read the figures out of the text of the page that the sandbox's
browser showed at ${DEMO_SITE_URL} and did the sums. The suppliers are made up.
`;
}

/** The report when the agent has no browser. */
export function unreadReport(): string {
  return `# Spare parts: which supplier is cheapest?

Order:

${ORDER_TEXT}

The price list is served at ${DEMO_SITE_URL} inside the sandbox, but it was not read: this sandbox gives the agent no browser tools.
Create the sandbox with the browser capability to see the comparison.

A fixed demo script wrote this report, not a language model.
`;
}
