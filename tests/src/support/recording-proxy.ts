import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Passes requests on to a server of the loopback, and keeps what they say. */
export class RecordingProxy {
  /** The bodies of all requests, one after the other. */
  text = '';
  readonly #server: Server;

  /** @param port of the server behind it. */
  constructor(port: number) {
    this.#server = createServer((incoming, answer) => {
      incoming.setEncoding('utf8');
      let body = '';
      incoming.on('data', (part: string) => (body += part));
      incoming.on('end', () => {
        this.text += `${body}\n`;
        const { method, url: path, headers } = incoming;
        const onward = request({ host: '127.0.0.1', port, method, path, headers }, (reply) => {
          answer.writeHead(reply.statusCode ?? 502, reply.headers);
          reply.pipe(answer);
        });
        onward.on('error', () => answer.destroy());
        onward.end(body);
      });
    });
  }

  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
