import type { BoxConfig } from '@banata/protocol/box';

export const PROXY_HOST = '127.0.0.1';
/** Always the same, so that programs that outlive the daemon find the next one's. */
export const PROXY_PORT = 18_128;
/** Without credentials: those are the forwarder's. */
export const PROXY_SERVER = `http://${PROXY_HOST}:${PROXY_PORT}`;
/** Model gateway and host ports are not the internet. */
export const DIRECT_HOST = 'host.banata.internal';

const DIRECT = ['localhost', '127.0.0.1', '::1', DIRECT_HOST].join(',');

/** What tells programs of the proxy: none where the sandbox has no proxy. */
export function proxyEnvironment(config: Pick<BoxConfig, 'proxy'> | null): Record<string, string> {
  if (!config?.proxy) return {};
  return {
    HTTP_PROXY: PROXY_SERVER,
    HTTPS_PROXY: PROXY_SERVER,
    NO_PROXY: DIRECT,
    http_proxy: PROXY_SERVER,
    https_proxy: PROXY_SERVER,
    no_proxy: DIRECT,
    // Node's own fetch and http take no notice of the others without it.
    NODE_USE_ENV_PROXY: '1',
  };
}
