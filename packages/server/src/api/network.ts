import { contract } from '@banata/protocol';
import type { NetworkService } from '../services/network/network-service.ts';
import type { Mount } from './mount.ts';

export function mountNetwork(mount: Mount, { network }: { network: NetworkService }): void {
  const { setNetwork, networkLog } = contract.network;

  mount.route(setNetwork, ({ caller, body }) => network.set(caller, body.id, body.network));

  mount.route(networkLog, ({ caller, query: { id, limit, cursor } }) =>
    network.list(caller, id, { limit, cursor }),
  );
}
