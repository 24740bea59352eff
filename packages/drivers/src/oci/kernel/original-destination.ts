import type { Socket } from 'node:net';

import { formatAddress } from '../cidr.ts';
import { declareCall } from './libc.ts';

const SOL_IP = 0;
/** From linux/netfilter_ipv4.h. */
const SO_ORIGINAL_DST = 80;
/** `struct sockaddr_in`: family, port and address in network order, padding. */
const SOCKADDR_IN_BYTES = 16;

const getsockopt = declareCall(
  'getsockopt',
  'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint8_t *length)',
);

/** Node keeps the descriptor of a socket on its handle, and offers no other way to it. */
function descriptorOf(socket: Socket): number | undefined {
  const handle = (socket as unknown as { _handle?: { fd?: number } | null })._handle;
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}

/**
 * Where an accepted IPv4 connection was going before the host redirected it to us.
 * @returns undefined when it was not redirected or is gone already.
 */
export function originalDestination(socket: Socket): { address: string; port: number } | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined) return undefined;
  const value = Buffer.alloc(SOCKADDR_IN_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(SOCKADDR_IN_BYTES);
  try {
    getsockopt('SO_ORIGINAL_DST', fd, SOL_IP, SO_ORIGINAL_DST, value, length);
  } catch {
    return undefined;
  }
  return { address: formatAddress(value.readUInt32BE(4)), port: value.readUInt16BE(2) };
}
