import { contract } from '@banata/protocol';
import type { ModelKeys } from '../services/models/model-keys.ts';
import type { Mount } from './mount.ts';

export function mountModelKeys(mount: Mount, { modelKeys }: { modelKeys: ModelKeys }): void {
  const routes = contract.modelKeys;

  mount.route(routes.listModelKeys, ({ caller }) => modelKeys.list(caller));

  mount.route(routes.setModelKey, ({ caller, body }) => modelKeys.set(caller, body));

  mount.route(routes.deleteModelKey, async ({ caller, query: { provider } }) => {
    await modelKeys.delete(caller, provider);
    return { provider, deleted: true as const };
  });
}
