import { BanataSandbox } from '@banata-boxes/sdk';

/** The API of the server this page came from. `onRefused` is told when it does not take the key. */
export function connectClient(apiKey: string, onRefused: () => void): BanataSandbox {
  return new BanataSandbox({
    apiKey,
    baseUrl: location.origin,
    // The page asks again by itself; long hidden retries would only delay what it can tell.
    retry: { maxRetries: 1 },
    fetch: async (input, init) => {
      const response = await fetch(input, { ...init, credentials: 'omit', cache: 'no-store' });
      if (response.status === 401) onRefused();
      return response;
    },
  });
}
