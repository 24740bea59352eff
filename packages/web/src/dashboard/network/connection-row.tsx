import type { Connection } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { formatBytes } from '../format.ts';
import { ShownTime } from '../shown-time.tsx';
import { targetText } from './network-text.ts';

/** One connection: where it went, whether it was allowed, what decided, and how much passed. */
export function ConnectionRow({ connection }: { connection: Connection }): ReactNode {
  const { allowed, protocol, rule, bytesSent, bytesReceived, time } = connection;
  const target = targetText(connection);
  return (
    <li className="flex flex-wrap items-baseline gap-x-3 rounded-md px-2 py-1.5 text-sm hover:bg-raised">
      <span className={`w-16 shrink-0 ${allowed ? 'text-good' : 'text-bad'}`}>
        {allowed ? 'allowed' : 'refused'}
      </span>
      <bdi className="min-w-0 flex-1 truncate font-mono" title={connection.address ?? target}>
        {target}
      </bdi>
      <span className="shrink-0 text-xs text-soft">
        {protocol}, {rule}
      </span>
      <span className="shrink-0 text-xs text-soft tabular-nums">
        ↑ {formatBytes(bytesSent)} ↓ {formatBytes(bytesReceived)}
      </span>
      <span className="shrink-0 text-xs text-soft">
        <ShownTime at={time} />
      </span>
    </li>
  );
}
