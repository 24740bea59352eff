import { contract } from '@banata/protocol';
import type { SandboxService } from '../services/sandboxes/sandbox-service.ts';
import { parseEventCursor } from '../stores/event-cursor.ts';
import type { EventStore } from '../stores/event-store.ts';
import type { Mount } from './mount.ts';
import type { EventStreams } from './sse.ts';

export function mountEvents(
  mount: Mount,
  { sandboxes, events, streams }: { sandboxes: SandboxService; events: EventStore; streams: EventStreams },
): void {
  mount.route(contract.events.organizationEvents, async ({ caller, query, context, signal, recheck }) => {
    const { organizationId } = caller;
    const { type: types, order, limit } = query;
    const sandboxId =
      query.sandboxId === undefined ? undefined : (await sandboxes.find(caller, query.sandboxId)).id;
    const after = parseEventCursor(query.after ?? '');
    if (context.req.header('accept')?.includes('text/event-stream')) {
      const last = parseEventCursor(context.req.header('last-event-id') ?? '') ?? after;
      return streams.organization({ organizationId, after: last, types, sandboxId, signal, recheck });
    }
    const data = await events.listOrganization(organizationId, { after, order, limit, types, sandboxId });
    return { data, nextCursor: data.at(-1)?.cursor ?? query.after ?? null };
  });
}
