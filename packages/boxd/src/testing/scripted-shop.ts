import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A shop's form over three pages. */
export interface ScriptedShop {
  port: number;
  /** What was ordered, newest last. */
  orders: Record<string, string>[];
  /** Gives a field and a button other names and ids than before. */
  change(): void;
  close(): void;
}

const BEFORE = { email: 'Email', emailId: 'email', order: 'Place order', orderId: 'place' };
const AFTER = { email: 'Where shall we write to?', emailId: 'contact-box', order: 'Buy now', orderId: 'buy' };

function formPage(words: typeof BEFORE): string {
  return `<!doctype html><title>Your order</title><h1>Order</h1><form action="/review">
    <label for="who">Full name</label> <input id="who" name="who"><br>
    <label for="${words.emailId}">${words.email}</label> <input id="${words.emailId}" name="${words.emailId}"><br>
    <label>Password <input type="password" name="password"></label><br>
    <label>Country <select name="country"><option value="se">Sweden</option><option value="no">Norway</option></select></label><br>
    <label><input type="checkbox" name="terms" value="yes"> I accept the terms</label><br>
    <button>Continue</button></form>`;
}

function reviewPage(words: typeof BEFORE, order: string): string {
  return `<!doctype html><title>Review</title><h1>Is this right?</h1><form action="/done/${4700 + order.length}">
    <input type="hidden" name="order" value="${encodeURIComponent(order)}">
    <label>Remark <textarea name="remark"></textarea></label><br>
    <button id="${words.orderId}">${words.order}</button></form>`;
}

const FILES_PAGE = `<!doctype html><title>Files</title>
  <label>Drawing <input type="file" onchange="const [f] = this.files; f.text().then((t) => (document.title = f.name + ': ' + t))"></label>
  <label>Note <input onkeydown="if (event.key === 'Enter') this.form || (this.value += '!')"></label>
  <label><input type="checkbox"> Gift</label>
  <a href="/prices.csv">Prices</a>`;

/** Starts the shop on a free port of the loopback, or on `port`. */
export async function startScriptedShop(port = 0): Promise<ScriptedShop> {
  let words = BEFORE;
  const orders: Record<string, string>[] = [];
  const pageFor = (request: IncomingMessage): string => {
    const { pathname, search, searchParams } = new URL(request.url ?? '/', 'http://shop');
    if (pathname === '/form') return formPage(words);
    if (pathname === '/files') return FILES_PAGE;
    if (pathname === '/review') return reviewPage(words, search.slice(1));
    if (!pathname.startsWith('/done/')) return '<title>Nothing here</title>';
    const ordered = new URLSearchParams(decodeURIComponent(searchParams.get('order') ?? ''));
    orders.push({ ...Object.fromEntries(ordered), remark: searchParams.get('remark') ?? '' });
    return `<!doctype html><title>Thank you</title><p>Thank you for order ${orders.length}</p>`;
  };
  const server = createServer((request, response) => {
    const download = request.url === '/prices.csv' ? { 'content-disposition': 'attachment' } : {};
    response.writeHead(200, { 'content-type': 'text/html', ...download }).end(pageFor(request));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    orders,
    change: () => (words = AFTER),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const by = (role: string, name: string): string => `getByRole('${role}', { name: '${name}' })`;

/** Uses of the browser tools that order something; `origin` is the shop's. */
export function shoppingCalls(origin: string, password: string): [string, object][] {
  return [
    ['playwright_browser_navigate', { url: `${origin}/form` }],
    ['playwright_browser_snapshot', {}],
    ['playwright_browser_type', { target: by('textbox', 'Full name'), text: 'Ada Lovelace' }],
    ['playwright_browser_type', { target: by('textbox', 'Email'), text: 'ada@example.org' }],
    ['playwright_browser_type', { target: by('textbox', 'Password'), text: password }],
    ['playwright_browser_select_option', { target: by('combobox', 'Country'), values: ['Norway'] }],
    ['playwright_browser_click', { target: by('checkbox', 'I accept the terms') }],
    ['playwright_browser_click', { target: by('button', 'No such button') }],
    ['playwright_browser_click', { target: by('button', 'Continue') }],
    ['playwright_browser_type', { target: by('textbox', 'Remark'), text: 'For Ada Lovelace' }],
    ['playwright_browser_click', { target: by('button', 'Place order') }],
    ['playwright_browser_wait_for', { text: 'Thank you for order' }],
  ];
}

/** How the model does the two steps that no longer fit the changed shop. */
export const SHOPPING_FIXES: [string, [string, object][]][] = [
  [
    '"Email"',
    [
      ['playwright_browser_snapshot', {}],
      [
        'playwright_browser_type',
        { target: by('textbox', 'Where shall we write to?'), text: 'eve@example.org' },
      ],
    ],
  ],
  ['"Place order"', [['playwright_browser_click', { target: by('button', 'Buy now') }]]],
];

/** A prompt for the scripted model: `value` goes to the scenario as JSON. */
export function scenarioPrompt(scenario: string, name: string, value: unknown): string {
  return `SCENARIO:${scenario} ${name}=${JSON.stringify(JSON.stringify(value))}`;
}
