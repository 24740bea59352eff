/** Where the demo script puts its page, and where the page is then served inside the sandbox. */
export const DEMO_SITE_FILE = '/workspace/site/index.html';
export const DEMO_SITE_URL = 'http://127.0.0.1:8000/';
export const DEMO_SITE_TITLE = 'Spare parts price list';

/** What the demo pretends to buy. */
export const DEMO_ORDER: readonly { part: string; quantity: number }[] = [
  { part: 'Hex bolts M8, box of 100', quantity: 4 },
  { part: 'Ball bearing 6204', quantity: 6 },
  { part: 'Drive belt 1200 mm', quantity: 2 },
];

interface Offer {
  supplier: string;
  /** Euro, in the order of `DEMO_ORDER`. */
  prices: readonly string[];
  shipping: string;
  delivery: string;
  about: string;
}

const OFFERS: readonly Offer[] = [
  {
    supplier: 'Nordbolt',
    prices: ['8.40', '6.90', '17.50'],
    shipping: '9.00',
    delivery: '3 days',
    about: 'Fasteners from the coast since 1974. Cheapest bolts, slower lorries.',
  },
  {
    supplier: 'Kestrel Parts',
    prices: ['9.10', '5.75', '14.20'],
    shipping: '12.50',
    delivery: '2 days',
    about: 'Bearings and belts from stock, cut to length while you wait.',
  },
  {
    supplier: 'Alpwerk Supply',
    prices: ['11.20', '7.30', '13.90'],
    shipping: '0.00',
    delivery: '1 day',
    about: 'Delivers over night and charges nothing for the road.',
  },
];

const STYLE = `
  :root { color-scheme: light; --ink: #16202c; --muted: #5c6b7c; --line: #dde3ea; --brand: #0f6f5c; }
  * { box-sizing: border-box; }
  body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: #f4f6f8; }
  header { background: var(--brand); color: #fff; padding: 40px 24px; }
  header p { margin: 6px 0 0; opacity: .85; }
  header > div { max-width: 960px; margin: 0 auto; }
  main { max-width: 1008px; margin: 0 auto; padding: 28px 24px 56px; }
  h1 { margin: 0; font-size: 30px; letter-spacing: -.01em; }
  h2 { margin: 32px 0 12px; font-size: 19px; }
  table { width: 100%; border-collapse: collapse; background: #fff; border-radius: 10px; overflow: hidden; box-shadow: 0 1px 3px #0002; }
  th, td { padding: 14px 16px; text-align: right; border-bottom: 1px solid var(--line); }
  th:first-child { text-align: left; }
  thead th { font-size: 13px; color: var(--muted); background: #fafbfc; }
  tbody th { white-space: nowrap; }
  .cards { display: grid; grid-template-columns: repeat(3, 1fr); gap: 16px; }
  .card { background: #fff; border-radius: 10px; padding: 18px; box-shadow: 0 1px 3px #0002; }
  .card h3 { margin: 0 0 6px; font-size: 16px; }
  .card p, footer { margin: 0; color: var(--muted); font-size: 14px; }
  footer { margin-top: 32px; }`;

function row({ supplier, prices, shipping, delivery }: Offer): string {
  const cells = [...prices, shipping].map((price) => `<td>€ ${price}</td>`).join('');
  return `          <tr><th scope="row">${supplier}</th>${cells}<td>${delivery}</td></tr>`;
}

function card({ supplier, about }: Offer): string {
  return `        <section class="card"><h3>${supplier}</h3><p>${about}</p></section>`;
}

/** The page: a made-up price list of three suppliers of spare parts. */
export function demoSite(): string {
  const columns = [...DEMO_ORDER.map(({ part }) => part), 'Shipping', 'Delivery'];
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${DEMO_SITE_TITLE}</title>
    <link rel="icon" href="data:,">
    <style>${STYLE}
    </style>
  </head>
  <body>
    <header><div>
      <h1>${DEMO_SITE_TITLE}</h1>
      <p>Three suppliers, the same three parts. Prices per unit in euro.</p>
    </div></header>
    <main>
      <h2>Current prices</h2>
      <table>
        <thead>
          <tr><th scope="col">Supplier</th>${columns.map((name) => `<th scope="col">${name}</th>`).join('')}</tr>
        </thead>
        <tbody>
${OFFERS.map(row).join('\n')}
        </tbody>
      </table>
      <h2>Who they are</h2>
      <div class="cards">
${OFFERS.map(card).join('\n')}
      </div>
      <footer>The suppliers and their prices are made up for the Banata demo.</footer>
    </main>
  </body>
</html>
`;
}
