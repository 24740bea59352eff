import type { Places } from '../network-cases.ts';

/** A host as a URL has it, written so that a check which reads text rather than addresses may take it for a good one. */
export interface HostileHost {
  what: string;
  /** Host, and port where it matters. */
  host: string;
}

/**
 * Hosts that no URL of a tenant may lead to: metadata services, the loopback, the host, its control plane, private
 * networks and other sandboxes, in the forms that URL parsers and resolvers know.
 */
export function hostileHosts({
  internet,
  service,
  host,
  hostPort,
  apiPort,
  neighbour,
}: Places): HostileHost[] {
  const forms = (what: string, hosts: readonly string[]): HostileHost[] =>
    hosts.map((form) => ({ what, host: form }));
  return [
    ...forms('metadata', [
      '169.254.169.254',
      '2852039166',
      '0251.0376.0251.0376',
      '0xa9fea9fe',
      '0xa9.0xfe.0xa9.0xfe',
      '169.16689662',
      '169.254.43518',
      '169.254.169.254.',
      '１６９.254.169.254',
      '169。254。169。254',
      '[::ffff:169.254.169.254]',
      '[::ffff:a9fe:a9fe]',
      '[::169.254.169.254]',
      '[64:ff9b::a9fe:a9fe]',
      '[64:ff9b:1::a9fe:a9fe]',
      '[2002:a9fe:a9fe::]',
      '[fd00:ec2::254]',
      '169.254.170.2',
    ]),
    ...forms('loopback', [
      `127.0.0.1:${hostPort}`,
      `127.1:${hostPort}`,
      `2130706433:${hostPort}`,
      `0177.0.0.1:${hostPort}`,
      `0x7f.1:${hostPort}`,
      `0:${hostPort}`,
      `0.0.0.0:${hostPort}`,
      `[::]:${hostPort}`,
      `[::1]:${hostPort}`,
      `[::ffff:127.0.0.1]:${hostPort}`,
      `[::ffff:0:127.0.0.1]:${hostPort}`,
      `localhost:${hostPort}`,
      `LOCALHOST.:${hostPort}`,
    ]),
    ...forms('the API', [`127.0.0.1:${apiPort}`, `${service}:${apiPort}`]),
    ...forms('the host', [`${host}:${hostPort}`, `${service}:${hostPort}`]),
    ...forms('another sandbox', [`${neighbour}:8000`, `${neighbour}:7080`]),
    ...forms('a private network', [
      internet.private,
      '10.0.0.1',
      '172.16.0.1',
      '192.168.0.1',
      '100.64.0.1',
      '198.18.0.1',
    ]),
    ...forms('link-local IPv6', ['[fe80::1]']),
    ...forms('multicast, broadcast, reserved', ['224.0.0.1', '255.255.255.255', '240.0.0.1']),
  ];
}
