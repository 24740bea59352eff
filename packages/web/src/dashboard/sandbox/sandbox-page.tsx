import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ErrorNote } from '../../ui/error-note.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { useClient } from '../shell/use-client.ts';
import { SandboxView } from './sandbox-view.tsx';

const POLL_MS = 2_000;

/** The page of one sandbox. */
export function SandboxPage({ id }: { id: string }): ReactNode {
  const client = useClient();
  const handle = useQuery({
    queryKey: ['handle', id],
    queryFn: ({ signal }) => client.connect(id, { signal }),
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    // A class instance must stay itself: structural sharing would take it apart.
    structuralSharing: false,
  });
  const sandbox = handle.data;
  const session = useQuery({
    queryKey: ['session', id],
    queryFn: ({ signal }) => client.get(id, { signal }),
    refetchInterval: POLL_MS,
    enabled: sandbox !== undefined,
    ...(sandbox ? { placeholderData: sandbox.session } : {}),
  });

  if (sandbox && session.data) {
    return <SandboxView sandbox={sandbox} session={session.data} problem={session.error} />;
  }
  return (
    <div className="flex flex-col gap-4">
      <a href="#/" className="w-fit rounded-sm text-sm text-soft hover:text-ink">
        ← Sandboxes
      </a>
      <ErrorNote error={handle.error} />
      {handle.isPending && <Spinner className="mx-auto mt-10 size-7" />}
    </div>
  );
}
