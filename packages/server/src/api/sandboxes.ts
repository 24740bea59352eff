import { contract } from '@banata/protocol';
import type { SandboxService } from '../services/sandboxes/sandbox-service.ts';
import type { EventStore } from '../stores/event-store.ts';
import type { Mount } from './mount.ts';
import { preferredWait } from './preferred-wait.ts';
import type { EventStreams } from './sse.ts';

export function mountSandboxes(
  mount: Mount,
  { sandboxes, events, streams }: { sandboxes: SandboxService; events: EventStore; streams: EventStreams },
): void {
  const { createSandbox, getSandboxes, endSandbox, setTimeoutRoute, sandboxEvents } = contract.sandboxes;

  mount.route(createSandbox, ({ caller, body, reservation, context, signal }) => {
    const waitMs = preferredWait(context.req.header('prefer'));
    return waitMs === 0
      ? sandboxes.create(caller, body, reservation)
      : sandboxes.createAndWait(caller, body, { reservation, waitMs, signal });
  });

  mount.route(getSandboxes, ({ caller, query: { id, status, all, limit, cursor } }) =>
    id === undefined
      ? sandboxes.list(caller, { status, all: all ?? false, limit, cursor })
      : sandboxes.get(caller, id),
  );

  mount.route(endSandbox, ({ caller, query }) => sandboxes.end(caller, query.id));

  mount.route(setTimeoutRoute, ({ caller, body: { id, ...change } }) => sandboxes.renew(caller, id, change));

  mount.route(sandboxEvents, async ({ caller, query, context, signal, recheck }) => {
    const { id } = await sandboxes.find(caller, query.id);
    const { after, limit, type } = query;
    if (!context.req.header('accept')?.includes('text/event-stream')) {
      return { data: await events.list(id, { after, limit, type }) };
    }
    return streams.response({
      sandboxId: id,
      after: lastEventId(context.req.header('last-event-id')) ?? after,
      type,
      signal,
      recheck,
    });
  });
}

/** The sequence number in a Last-Event-ID header, if it is one. */
export function lastEventId(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}
