import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { runCommand } from '../oci/command.ts';

const LISTENER = `
const { createServer } = require('node:net');
createServer((socket) => { socket.on('error', () => {}); socket.end(); }).listen(8099, '0.0.0.0', () => console.log('ready'));
`;

/** Addresses beyond the host that tests aim at. All of them are in a network namespace of the test. */
export const OUTSIDE = {
  /** An ordinary address of the internet. */
  public: '203.0.113.77',
  /** An address of a private network. */
  private: '10.99.99.77',
  /** The metadata service of cloud machines. */
  metadata: '169.254.169.254',
  port: 8099,
} as const;

/** A network beyond the host, without any real one. */
export interface OutsideNetwork {
  remove(): Promise<void>;
}

/** Makes a namespace that answers TCP connections at the {@link OUTSIDE} addresses, with routes from this host. */
export async function createOutsideNetwork(): Promise<OutsideNetwork> {
  const name = `bntest${process.pid % 100_000}`;
  const addresses = [OUTSIDE.public, OUTSIDE.private, OUTSIDE.metadata];
  const host = [
    `netns add ${name}`,
    `link add ${name} type veth peer name out0 netns ${name}`,
    `addr add 198.51.100.1/30 dev ${name}`,
    `link set ${name} up`,
  ];
  await runCommand('ip', ['-batch', '-'], { input: `${host.join('\n')}\n` });
  const inside = [
    'link set lo up',
    'addr add 198.51.100.2/30 dev out0',
    'link set out0 up',
    'route add default via 198.51.100.1',
    ...addresses.map((address) => `addr add ${address}/32 dev lo`),
  ];
  await runCommand('ip', ['-n', name, '-batch', '-'], { input: `${inside.join('\n')}\n` });
  const routes = addresses.map((address) => `route add ${address}/32 via 198.51.100.2`);
  await runCommand('ip', ['-batch', '-'], { input: `${routes.join('\n')}\n` });
  const listener = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', LISTENER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(listener.stdout, 'data');
  return { remove: async () => await removeNetwork(name, listener) };
}

async function removeNetwork(name: string, listener: ChildProcess): Promise<void> {
  listener.kill('SIGKILL');
  await runCommand('ip', ['link', 'delete', name]);
  await runCommand('ip', ['netns', 'delete', name]);
}
