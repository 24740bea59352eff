import { contract } from '@banata/protocol';
import type { CheckpointService } from '../services/checkpoints/checkpoint-service.ts';
import type { PauseService } from '../services/sandboxes/pause-service.ts';
import type { Mount } from './mount.ts';
import { preferredWait } from './preferred-wait.ts';

export interface LastingRoutesDeps {
  checkpoints: CheckpointService;
  pauses: PauseService;
}

/** Checkpoints, pause and resume. */
export function mountLasting(mount: Mount, { checkpoints, pauses }: LastingRoutesDeps): void {
  const routes = contract.checkpoints;

  mount.route(routes.createCheckpoint, ({ caller, body, reservation }) =>
    checkpoints.create(caller, body, reservation),
  );

  mount.route(routes.getCheckpoints, ({ caller, query: { id, checkpointId, limit, cursor } }) =>
    checkpointId === undefined
      ? checkpoints.list(caller, id, { limit, cursor })
      : checkpoints.get(caller, id, checkpointId),
  );

  mount.route(routes.deleteCheckpoint, ({ caller, query }) =>
    checkpoints.delete(caller, query.id, query.checkpointId),
  );

  mount.route(routes.restoreCheckpoint, ({ caller, body }) =>
    checkpoints.restore(caller, body.id, body.checkpointId),
  );

  mount.route(routes.forkSandbox, ({ caller, body, reservation, context, signal }) =>
    checkpoints.fork(caller, body, {
      reservation,
      waitMs: preferredWait(context.req.header('prefer')),
      signal,
    }),
  );

  mount.route(contract.pauses.pauseSandbox, ({ caller, body }) => pauses.pause(caller, body.id));

  mount.route(contract.pauses.resumeSandbox, ({ caller, body }) => pauses.resume(caller, body.id));
}
