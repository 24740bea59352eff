import { once } from 'node:events';
import { createServer } from 'node:http';
import { freePort } from './installation.ts';

/** What `/report` offers for download. */
export const REPORT = 'Berth 7: 42 crowns\n'.repeat(1_000);

const UPLOAD = '<title>Upload</title><input type=file id=file multiple><a href=/report>Report</a>';
const CODE =
  '<title>Code</title><form action=/code><input name=code autofocus style="position:absolute;inset:0">';
/** A form that shows what the site answers to a request of the page's own. */
const FORM = `<title>Berths</title>
<form onsubmit="event.preventDefault(); fetch('/echo?text=' + encodeURIComponent(this.text.value))
  .then((reply) => reply.text()).then((text) => { document.querySelector('output').textContent = text; })">
  <input name=text><button>Send</button></form><output></output>
<a href="/second" target=_blank>Second</a>`;
const PAGES: Readonly<Record<string, string>> = {
  '/upload': UPLOAD,
  '/code': CODE,
  '/form': FORM,
  '/second': '<title>Second</title>',
  '/framed': '<title>Framed</title><iframe src="http://127.0.0.1:1/refused"></iframe>',
};

/** A site for the browsers of sandboxes, with a login whose cookie ends with the browser. */
export interface BrowserSite {
  port: number;
  /** Where the browsers of an installation find it that has `BANATA_HOST_PORTS` set to its port. */
  origin: string;
  /** Codes that were typed into `/code`. */
  codes: string[];
  close: () => void;
}

export async function startBrowserSite(): Promise<BrowserSite> {
  const port = await freePort();
  const codes: string[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://site');
    const code = searchParams.get('code');
    if (code !== null) codes.push(code);
    if (pathname === '/moved') return response.writeHead(302, { location: '/login?step=2' }).end();
    if (pathname === '/login') response.setHeader('set-cookie', 'login=ada; HttpOnly');
    if (pathname === '/report') {
      response.setHeader('content-disposition', 'attachment; filename="report.txt"');
      return response.writeHead(200, { 'content-type': 'text/plain' }).end(REPORT);
    }
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (pathname === '/echo') return response.end(`You sent ${searchParams.get('text')}`);
    const known = (request.headers.cookie ?? '').includes('login=ada');
    const greeting = `<title>${known ? 'Welcome back, Ada' : 'Please sign in'}</title>`;
    return response.end(`<!doctype html>${PAGES[pathname] ?? greeting}`);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port,
    origin: `http://host.banata.internal:${port}`,
    codes,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
