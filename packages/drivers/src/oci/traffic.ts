import path from 'node:path';
import { readIfPresent } from './files.ts';

const INTERFACES = '/sys/class/net';

/** Bytes over a box's link, given its end on the host, where directions are the other way round; 0 without a link. */
export async function readTraffic(link: string): Promise<{ egressBytes: number; ingressBytes: number }> {
  const folder = path.join(INTERFACES, link, 'statistics');
  const [received, sent] = await Promise.all([
    readIfPresent(path.join(folder, 'rx_bytes')),
    readIfPresent(path.join(folder, 'tx_bytes')),
  ]);
  return { egressBytes: Number(received ?? 0), ingressBytes: Number(sent ?? 0) };
}
