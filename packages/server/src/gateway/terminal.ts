import { requireActive, requireScopes } from '../services/access.ts';
import { ApiError, terminalOpenQuerySchema } from '@banata/protocol';
import type { IncomingMessage } from 'node:http';
import { parseInput } from '../api/parse.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import { requireWorking } from '../services/sandboxes/sandbox-service.ts';
import { openTunnel } from './tunnel.ts';
import type { Upgrade, UpgradeDeps } from './upgrades.ts';

/** Joins a client with a terminal of a sandbox. The client shows an API key, or a link's token. */
export async function openTerminal(
  { request, socket, head, url }: Upgrade,
  deps: UpgradeDeps,
): Promise<void> {
  const query = parseInput(terminalOpenQuerySchema, Object.fromEntries(url.searchParams));
  const { row, terminalId } =
    query.token === undefined ? await byKey(request, query, deps) : await byLink(query.token, query, deps);
  const boxQuery = new URLSearchParams();
  for (const [name, value] of Object.entries({ terminalId, cols: query.cols, rows: query.rows })) {
    if (value !== undefined) boxQuery.set(name, String(value));
  }
  await openTunnel({
    request,
    socket,
    head,
    endpoint: await deps.boxes.endpointOf(requireWorking(row)),
    path: `/terminal?${boxQuery.toString()}`,
    signal: deps.boxes.lifeOf(row),
    toError: refusal,
    onClientData: () => deps.activity.touch(row.id),
  });
}

interface Wanted {
  id?: string | undefined;
  terminalId?: string | undefined;
}

async function byKey(
  request: IncomingMessage,
  { id, terminalId }: Wanted,
  { access, store }: UpgradeDeps,
): Promise<{ row: SandboxRow; terminalId: string | undefined }> {
  const caller = await access.byKey(request.headers.authorization ?? '');
  requireActive(caller);
  requireScopes(caller, ['sandbox_sessions:exec']);
  if (id === undefined) throw new ApiError('INVALID_REQUEST', 'Missing required field: id');
  const row = await store.find(id, caller.organizationId);
  if (!row) throw new ApiError('SANDBOX_NOT_FOUND');
  return { row, terminalId };
}

/** A link for one session opens that one only. */
async function byLink(
  token: string,
  { terminalId }: Wanted,
  { links, store }: UpgradeDeps,
): Promise<{ row: SandboxRow; terminalId: string | undefined }> {
  const { sandboxId, key } = links.verify(token, 'terminal');
  if (key !== undefined && terminalId !== undefined && key !== terminalId) throw new ApiError('LINK_INVALID');
  const row = await store.find(sandboxId);
  if (!row) throw new ApiError('SANDBOX_NOT_FOUND');
  return { row, terminalId: key ?? terminalId };
}

function refusal(status: number): ApiError {
  if (status === 404) return new ApiError('TERMINAL_NOT_FOUND');
  if (status === 429 || status === 503)
    return new ApiError('SANDBOX_EXHAUSTED', 'The sandbox cannot open another terminal; close one.');
  return new ApiError('SANDBOX_UNREACHABLE');
}
