import type { contract, RouteResult } from '@banata/protocol';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRenewal } from '../../remote/use-renewal.ts';
import type { ViewerKey } from '../../remote/view-urls.ts';
import { handoffUrl } from './handoff-link.ts';

const TIMEOUT_MS = 10_000;
const POLL_MS = 2_000;

export type HandoffView = RouteResult<(typeof contract)['handoff']['view']>;

export type HandoffAct =
  | { act: 'accept'; controller?: string }
  | { act: 'renew' }
  | { act: 'fill'; values: Record<string, string>; note?: string }
  | { act: 'complete'; outcome: 'done' | 'cannot'; note?: string };

export interface HandoffPageState {
  view: HandoffView | undefined;
  /** The link is no good, or the server cannot be reached. */
  unreachable: string | null;
  send: (act: HandoffAct) => void;
  busy: boolean;
  /** Why the last act could not be done, in the words of the server. */
  problem: string | null;
}

async function answer(response: Response): Promise<HandoffView> {
  if (response.ok) return (await response.json()) as HandoffView;
  const body = (await response.json().catch(() => ({}))) as { error?: string };
  throw new Error(body.error ?? `The server answered ${response.status}`);
}

async function look({ token, viewer }: ViewerKey, signal: AbortSignal): Promise<HandoffView> {
  const response = await fetch(handoffUrl('view', { token, viewer, origin: location.origin }), {
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    credentials: 'omit',
    cache: 'no-store',
  });
  return answer(response);
}

async function post({ token, viewer }: ViewerKey, { act, ...body }: HandoffAct): Promise<HandoffView> {
  const response = await fetch(handoffUrl(act, { token, origin: location.origin }), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, viewer }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
    credentials: 'omit',
  });
  return answer(response);
}

/** One request for a person: what it is now, and what can be done. Control is kept while the person is active. */
export function useHandoff(key: ViewerKey): HandoffPageState {
  const client = useQueryClient();
  const queryKey = ['handoff', key.token];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => look(key, signal),
    refetchInterval: POLL_MS,
    retry: 1,
  });
  const { mutate, isPending, error } = useMutation({
    mutationFn: (act: HandoffAct) => post(key, act),
    // What was sent is not kept: it may be a password.
    gcTime: 0,
    onSuccess: (view) => client.setQueryData(queryKey, view),
    onError: () => client.invalidateQueries({ queryKey }),
  });
  const mine = query.data?.mine ?? false;
  useRenewal(mine, () => mutate({ act: 'renew' }));
  return {
    view: query.data,
    unreachable: query.data === undefined ? (query.error?.message ?? null) : null,
    send: mutate,
    busy: isPending,
    problem: error?.message ?? null,
  };
}
