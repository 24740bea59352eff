import { ApiError, contract } from '@banata/protocol';
import { boxProcessSchema, processChunkSchema } from '@banata/protocol/box';
import type { ContextService } from '../services/contexts.ts';
import type { ProcessService } from '../services/processes.ts';
import type { TerminalService } from '../services/terminals.ts';
import { toStreamError } from '../boxes/stream-error.ts';
import { relayEvents } from './box-sse.ts';
import type { Mount } from './mount.ts';

const outputEvents = { stdout: processChunkSchema, stderr: processChunkSchema, end: boxProcessSchema };

export interface InteractiveDeps {
  processes: ProcessService;
  contexts: ContextService;
  terminals: TerminalService;
}

/** Background processes, code contexts and terminals. */
export function mountInteractive(mount: Mount, { processes, contexts, terminals }: InteractiveDeps): void {
  const routes = contract.processes;
  mount.route(routes.startProcess, ({ caller, body }) => processes.start(caller, body));
  mount.route(routes.getProcesses, ({ caller, query: { id, processId } }) =>
    processId === undefined ? processes.list(caller, id) : processes.get(caller, id, processId),
  );
  mount.route(routes.processOutput, async ({ caller, query, signal, context }) => {
    if (!context.req.header('accept')?.includes('text/event-stream')) return processes.output(caller, query);
    const lastEventId = context.req.header('last-event-id');
    const source = await processes.follow(caller, { ...query, lastEventId }, signal);
    return relayEvents(source, { events: outputEvents, last: 'end', toError: toStreamError });
  });
  mount.route(routes.processStdin, ({ caller, body }) => processes.stdin(caller, body));
  mount.route(routes.signalProcess, ({ caller, body }) => processes.signal(caller, body));
  mount.route(routes.waitProcess, ({ caller, body, signal }) => processes.wait(caller, body, signal));

  const { createContext, listContexts, deleteContext, interruptContext, restartContext } = contract.contexts;
  mount.route(createContext, ({ caller, body }) => contexts.create(caller, body));
  mount.route(listContexts, ({ caller, query }) => contexts.list(caller, query.id));
  mount.route(deleteContext, ({ caller, query }) => contexts.remove(caller, query.id, query.context));
  mount.route(interruptContext, ({ caller, body }) => contexts.command(caller, body, 'interrupt'));
  mount.route(restartContext, ({ caller, body }) => contexts.command(caller, body, 'restart'));

  const { openTerminal, linkTerminal, listTerminals, closeTerminal } = contract.terminal;
  mount.route(openTerminal, () =>
    Promise.reject(
      new ApiError('INVALID_REQUEST', 'A terminal is a WebSocket: send the headers of an upgrade with it.'),
    ),
  );
  mount.route(linkTerminal, ({ caller, body }) => terminals.link(caller, body.id, body.terminalId));
  mount.route(listTerminals, ({ caller, query }) => terminals.list(caller, query.id));
  mount.route(closeTerminal, ({ caller, query }) => terminals.close(caller, query.id, query.terminalId));
}
