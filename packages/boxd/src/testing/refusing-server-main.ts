// A server in a thread of its own that refuses each body as it begins to come, and says its port.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { refuseBody } from '../http/refuse-body.ts';

const server = createServer((request, response) => {
  request.once('data', () => refuseBody(request, response, 413, Buffer.from('{"code":"FILE_TOO_LARGE"}')));
});
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
