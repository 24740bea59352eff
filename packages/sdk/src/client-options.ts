import { BanataError } from './error.ts';
import { resolveRetry, type RetryConfig } from './retry.ts';
import { Transport } from './transport.ts';

/** Options of {@link BanataSandbox} and {@link BrowserCloud}. */
export interface BanataSandboxOptions {
  /** `br_live_…`; `./banata up` prints the first one. */
  apiKey: string;
  /** Address of the server. Default `http://127.0.0.1:7070`. */
  baseUrl?: string;
  /** Address of the viewer page, where it differs from what the server says. Default: the server’s own. */
  appUrl?: string;
  /** When and how failed requests are sent again. */
  retry?: RetryConfig;
  /** Another `fetch`, such as one with a proxy. Default: the global one. */
  fetch?: typeof fetch;
}

const DEFAULT_BASE_URL = 'http://127.0.0.1:7070';

/** @throws BanataError `INVALID_ARGUMENT`. */
export function openTransport(options: BanataSandboxOptions): {
  transport: Transport;
  appUrl: string | undefined;
} {
  return {
    appUrl: options.appUrl === undefined ? undefined : httpUrl('appUrl', options.appUrl),
    transport: new Transport({
      apiKey: checkKey(options.apiKey),
      baseUrl: httpUrl('baseUrl', options.baseUrl ?? DEFAULT_BASE_URL),
      retry: resolveRetry(options.retry),
      // Called as a plain function: browsers refuse a `fetch` that is the method of another object.
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    }),
  };
}

/** Without an id the route would answer the list. */
export function checkId(id: unknown, what = 'sandbox'): void {
  if (typeof id === 'string' && id !== '') return;
  throw invalidArgument(
    `The id of the ${what} is missing`,
    'Give the id that create() or launch() answered.',
  );
}

function checkKey(apiKey: unknown): string {
  // Visible ASCII: anything else cannot stand in a header.
  if (typeof apiKey === 'string' && /^[\x21-\x7e]+$/.test(apiKey)) return apiKey;
  throw invalidArgument('apiKey must be a text such as br_live_…', 'Take the key that ./banata up prints.');
}

function httpUrl(name: string, value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, '');
  throw invalidArgument(
    `${name} is "${value}"; it must be an http or https URL`,
    'Give one such as http://127.0.0.1:7070.',
  );
}

function invalidArgument(message: string, suggestion: string): BanataError {
  return new BanataError({ status: 0, code: 'INVALID_ARGUMENT', message, suggestion });
}
