import { contract } from '@banata/protocol';
import type { PortService } from '../services/ports.ts';
import type { Mount } from './mount.ts';

export function mountPorts(mount: Mount, { ports }: { ports: PortService }): void {
  const { exposePort, listPorts, revokePort } = contract.ports;
  mount.route(exposePort, ({ caller, body: { id, ...options } }) => ports.expose(caller, id, options));
  mount.route(listPorts, ({ caller, query }) => ports.list(caller, query.id));
  mount.route(revokePort, ({ caller, query }) => ports.revoke(caller, query.id, query.port));
}
