import type { Handoff, Sandbox, SandboxSession } from '@banata-boxes/sdk';
import { useQuery } from '@tanstack/react-query';
import { takesWork } from '../sandbox/session-facts.ts';

const POLL_MS = 2_000;

/** Key of what is known of a sandbox's request for a person. */
export function handoffKey(sandboxId: string): readonly string[] {
  return ['handoff', sandboxId];
}

/** The request for a person that is open in a sandbox, asked for again and again; null when there is none. */
export function useOpenHandoff(sandbox: Sandbox, session: SandboxSession): Handoff | null {
  const { data } = useQuery({
    queryKey: handoffKey(sandbox.id),
    queryFn: ({ signal }) => sandbox.getHumanHandoff({ signal }),
    enabled: takesWork(session),
    refetchInterval: POLL_MS,
  });
  const newest = takesWork(session) ? (data?.handoff ?? null) : null;
  return newest?.status === 'pending' || newest?.status === 'accepted' ? newest : null;
}
