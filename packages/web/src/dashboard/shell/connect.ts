import { BanataSandbox } from '@banata-boxes/sdk';
import { clientKey, loginRequest, type Login } from './login.ts';
import { ServerApi } from './server-api.ts';

/** The server this page came from. */
export interface Server {
  client: BanataSandbox;
  api: ServerApi;
}

/** Reaches the server this page came from. `onRefused` is told when it does not take the login. */
export function connect(login: Login, onRefused: () => void): Server {
  const apiKey = clientKey(login);
  const baseUrl = location.origin;
  const send: typeof fetch = async (input, init) => {
    const response = await fetch(input, loginRequest(login, init));
    if (response.status === 401) onRefused();
    return response;
  };
  return {
    // The page asks again by itself; long hidden retries would only delay what it can tell.
    client: new BanataSandbox({ apiKey, baseUrl, retry: { maxRetries: 1 }, fetch: send }),
    api: new ServerApi({ apiKey, baseUrl, fetch: send }),
  };
}
