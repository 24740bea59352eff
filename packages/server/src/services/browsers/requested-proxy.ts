import { ApiError, parseProxyUrl, plainProxyUrl, type CapabilitiesInput, type Proxy } from '@banata/protocol';

/** The proxy that a sandbox asks for. @throws {ApiError} INVALID_REQUEST when it is none that can be used. */
export function requestedProxy(byoProxyUrl: string | null): Proxy | undefined {
  if (byoProxyUrl === null) return undefined;
  const proxy = parseProxyUrl(byoProxyUrl);
  if (proxy) return proxy;
  // The URL may hold a password, so that it is not repeated.
  throw new ApiError(
    'INVALID_REQUEST',
    'Invalid capabilities.browser.byoProxyUrl: must be http://, https:// or socks5://[user:password@]host[:port], without a path',
    { details: { field: 'capabilities.browser.byoProxyUrl' } },
  );
}

/** Capabilities as they are kept and shown: the proxy without its credentials. */
export function withoutCredentials(input: CapabilitiesInput, proxy: Proxy | undefined): CapabilitiesInput {
  if (!proxy || !input.browser) return input;
  return { ...input, browser: { ...input.browser, byoProxyUrl: plainProxyUrl(proxy) } };
}

/** What {@link withoutCredentials} took away, for another sandbox like it. */
export function withCredentials(kept: CapabilitiesInput, proxyUrl: string | undefined): CapabilitiesInput {
  if (proxyUrl === undefined || !kept.browser) return kept;
  return { ...kept, browser: { ...kept.browser, byoProxyUrl: proxyUrl } };
}
