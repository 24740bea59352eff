import { codeResultSchema, contract, outputTextSchema } from '@banata/protocol';
import { boxExecResultSchema } from '@banata/protocol/box';
import type { z } from 'zod';
import { toStreamError } from '../boxes/stream-error.ts';
import type { EventReply, ExecutionService } from '../services/execution.ts';
import { relayEvents } from './box-sse.ts';
import { decodeContent } from './decode-content.ts';
import type { ApiContext, Mount } from './mount.ts';

export function mountWork(mount: Mount, { execution }: { execution: ExecutionService }): void {
  const { exec, runCode } = contract.work;

  mount.route(exec, async ({ caller, body, signal, context }) => {
    decodeContent(body.stdin ?? '', body.stdinEncoding, 'stdin');
    return wantsEvents(context)
      ? relayOutput(await execution.execStream(caller, body, signal), boxExecResultSchema)
      : execution.exec(caller, body, signal);
  });

  mount.route(runCode, async ({ caller, body, signal, context }) =>
    wantsEvents(context)
      ? relayOutput(await execution.codeStream(caller, body, signal), codeResultSchema)
      : execution.code(caller, body, signal),
  );
}

function relayOutput(source: EventReply, result: z.ZodType): Response {
  const events = { stdout: outputTextSchema, stderr: outputTextSchema, result };
  return relayEvents(source, { events, last: 'result', toError: toStreamError });
}

function wantsEvents(context: ApiContext): boolean {
  return context.req.header('accept')?.includes('text/event-stream') ?? false;
}
