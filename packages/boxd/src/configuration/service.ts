import { BOX_PROTOCOL_VERSION, boxConfigSchema, type BoxConfig, type BoxHealth } from '@banata/protocol/box';
import type { BoxRequest, BoxRoute } from '../http/route.ts';
import type { ConfigStore } from './config-store.ts';

export interface ConfigurationDependencies {
  store: ConfigStore;
  /** Starts what the configuration asks for. Called once in the life of the daemon. */
  apply(config: BoxConfig): Promise<void>;
  /** `performance.now()` of the daemon's start. */
  startedAt: number;
}

/** Creates `PUT /config` and `GET /health`. Both answer a `BoxHealth`. */
export function createConfigurationService(deps: ConfigurationDependencies): { routes: BoxRoute[] } {
  const health = async (): Promise<BoxHealth> => ({
    ok: true,
    protocolVersion: BOX_PROTOCOL_VERSION,
    sandboxId: deps.store.current?.sandboxId ?? null,
    uptimeMs: Math.round(performance.now() - deps.startedAt),
  });
  const configure = async (request: BoxRequest): Promise<BoxHealth> => {
    const config = await request.json(boxConfigSchema);
    if (await deps.store.save(config)) await deps.apply(config);
    return await health();
  };
  return {
    routes: [
      { method: 'GET', path: '/health', handle: health },
      { method: 'PUT', path: '/config', handle: configure },
    ],
  };
}
