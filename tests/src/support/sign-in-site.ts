import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

/** What the site asks for, in this order. */
export interface SignIn {
  user: string;
  password: string;
  code: string;
}

const page = (title: string, body: string): string =>
  `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}`;

/**
 * A site with a password, then a one-time code. It is as careless as sites are: forms are sent with GET, so that what
 * was entered stands in the address of the next page, and that page shows it.
 */
export class SignInSite {
  /** Values that were right, by name, as often as they came. */
  readonly accepted: string[] = [];
  readonly #server: Server;

  constructor(right: SignIn) {
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://site');
      const fits = (...names: (keyof SignIn)[]): boolean => {
        const all = names.every((name) => searchParams.get(name) === right[name]);
        if (all) this.accepted.push(...names);
        return all;
      };
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(pageOf(pathname, fits, searchParams));
    });
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function pageOf(path: string, fits: (...names: (keyof SignIn)[]) => boolean, given: URLSearchParams): string {
  if (path === '/code' && fits('user', 'password'))
    return page(
      'Check',
      '<form action="/inside"><label>Code <input name="code" autocomplete="one-time-code"></label><button>Verify</button></form>',
    );
  if (path === '/inside' && fits('code'))
    return page('Inside', `<p>Welcome. Your code was ${given.get('code')}.</p>`);
  return page(
    'Sign in',
    '<form action="/code"><label>E-mail <input name="user" autocomplete="username"></label><label>Password <input name="password" type="password"></label><button>Sign in</button></form>',
  );
}
