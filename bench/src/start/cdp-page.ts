const LIMIT_MS = 20_000;

/** One page of a browser over the Chrome DevTools Protocol (https://chromedevtools.github.io/devtools-protocol/). */
export interface CdpPage extends AsyncDisposable {
  /** Resolves when the page has loaded. */
  open(url: string): Promise<void>;
}

interface Message {
  id?: number;
  method?: string;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** Connects to the first page of the browser; resolves when it takes commands. */
export async function connectToPage(url: string, signal: AbortSignal): Promise<CdpPage> {
  const socket = new WebSocket(url);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  const waiting = new Map<number | string, (message: Message) => void>();
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    const key = message.id ?? message.method ?? '';
    waiting.get(key)?.(message);
    waiting.delete(key);
  });
  const receive = (key: number | string): Promise<Message> =>
    new Promise((resolve, reject) => {
      waiting.set(key, resolve);
      limit.addEventListener('abort', () => reject(limit.reason as Error), { once: true });
    });
  let last = 0;
  const call = async (
    method: string,
    params: object = {},
    sessionId?: string,
  ): Promise<Message['result']> => {
    last += 1;
    const reply = receive(last);
    socket.send(JSON.stringify({ id: last, method, params, ...(sessionId ? { sessionId } : {}) }));
    const { result, error } = await reply;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error('The browser refused the connection')), {
      once: true,
    });
  });
  const targets = (await call('Target.getTargets'))?.['targetInfos'] as { targetId: string; type: string }[];
  const targetId = targets.find(({ type }) => type === 'page')?.targetId;
  const attached = await call('Target.attachToTarget', { targetId, flatten: true });
  const sessionId = String(attached?.['sessionId']);
  await call('Page.enable', {}, sessionId);
  return {
    open: async (address) => {
      const loaded = receive('Page.loadEventFired');
      const reply = await call('Page.navigate', { url: address }, sessionId);
      const refusal = reply?.['errorText'];
      if (typeof refusal === 'string') throw new Error(`${address}: ${refusal}`);
      await loaded;
    },
    [Symbol.asyncDispose]: () => {
      socket.close();
      return Promise.resolve();
    },
  };
}
