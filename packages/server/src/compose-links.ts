import type { Foundations } from './foundations.ts';
import { BoxEventApplier, type BoxEventApplierDeps } from './jobs/box-event-applier.ts';
import { BoxLinks } from './jobs/box-links.ts';
import type { HandoffService } from './services/handoff/handoff-service.ts';

/** What speaks with boxes for their sandboxes. */
export function createBoxLinks(
  base: Foundations,
  services: Pick<BoxEventApplierDeps, 'artifacts' | 'publishRequests' | 'recordings' | 'pairedFiles'> & {
    handoff: HandoffService;
  },
): BoxLinks {
  const { stores } = base;
  const onHandoff = (id: string): Promise<void> => services.handoff.enforceOpen(id);
  const applier = new BoxEventApplier({ ...base, ...stores, ...services, onHandoff });
  return new BoxLinks({
    ...base,
    store: stores.sandboxes,
    tasks: stores.tasks,
    handoffs: stores.handoffs,
    applier,
  });
}
