import type { HandoffStatus, SandboxSession } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { formatDuration } from '../format.ts';
import { FeatureTags } from '../sandbox/feature-tags.tsx';
import { isOver } from '../sandbox/session-facts.ts';
import { StatusBadge } from '../sandbox/status-badge.tsx';
import { sandboxHref } from '../shell/route.ts';

interface Props {
  session: SandboxSession;
  now: number;
  /** Of the request for a person that is open in it. */
  handoff: HandoffStatus | undefined;
}

/** One sandbox in the list. */
export function SandboxRow({ session, now, handoff }: Props): ReactNode {
  return (
    <li>
      <a
        href={sandboxHref(session.id)}
        className="flex flex-wrap items-center gap-x-5 gap-y-1.5 px-4 py-3 -outline-offset-2 transition-colors hover:bg-raised"
      >
        <span className="w-24 shrink-0">
          <StatusBadge status={session.status} />
        </span>
        <span
          className="min-w-0 flex-1 truncate font-mono text-sm max-sm:order-2 max-sm:w-full max-sm:flex-none"
          title={session.id}
        >
          {session.id}
        </span>
        {handoff && (
          <span className="rounded-full border border-wait/40 px-2 py-0.5 text-xs whitespace-nowrap text-wait">
            {handoff === 'pending' ? 'waits for a person' : 'a person is at it'}
          </span>
        )}
        <FeatureTags session={session} />
        <span className="w-full text-sm text-soft tabular-nums max-sm:order-3 sm:w-64 sm:text-right">
          {formatDuration(now - session.createdAt)} old
          {isOver(session)
            ? session.endReason && ` · ${session.endReason}`
            : ` · expires in ${formatDuration(session.expiresAt - now)}`}
        </span>
      </a>
    </li>
  );
}
