import { boxSecretsSchema } from '@banata/protocol/box';
import { BoxError, type BoxRoute } from '../../http/route.ts';
import type { LiveBrowser } from '../desktop.ts';
import type { SecretVault } from './secret-vault.ts';
import { typeSecrets } from './type-secrets.ts';

/** What people entered: typed into the page, or kept for placeholders. */
export function secretRoutes(service: {
  secrets: SecretVault;
  browser(signal?: AbortSignal): Promise<LiveBrowser>;
}): BoxRoute[] {
  return [
    {
      method: 'PUT',
      path: '/browser/secrets/{requestId}',
      async handle(request) {
        const { requestId = '' } = request.params;
        if (!/^[0-9a-z]{32}$/.test(requestId))
          throw new BoxError(400, 'INVALID_QUERY', 'a request has an id of 32 letters and digits');
        const given = await request.json(boxSecretsSchema);
        const live = await service.browser(request.signal);
        // Before anything is typed, so that no message tells the agent of it.
        service.secrets.put(requestId, given);
        if (given.deliver === 'placeholder') return { typed: 0 };
        await typeSecrets(live, given.entries);
        return { typed: given.entries.length };
      },
    },
  ];
}
