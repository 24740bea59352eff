import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server on which no connection lives long. */
export interface BreakingProxy extends AsyncDisposable {
  url: string;
  /** Connections that were broken with something still to come. */
  broken(): number;
}

/** Passes TCP connections on to a port of this machine, and breaks all of them every `everyMs`. */
export async function startBreakingProxy(port: number, everyMs: number): Promise<BreakingProxy> {
  const open = new Set<Socket>();
  let broken = 0;
  const server = createServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1' });
    open.add(client);
    const end = (): void => {
      open.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    client.pipe(upstream).pipe(client);
  });
  const timer = setInterval(() => {
    broken += open.size;
    for (const client of open) client.destroy();
  }, everyMs);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}`,
    broken: () => broken,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      for (const client of open) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
