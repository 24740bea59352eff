import type { SandboxStatus } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { StatusDot } from '../../ui/status-dot.tsx';
import { toneOf } from './session-facts.ts';

/** A status with its colour. */
export function StatusBadge({ status }: { status: SandboxStatus }): ReactNode {
  return (
    <span className="inline-flex items-center gap-2 text-sm font-medium">
      <StatusDot tone={toneOf(status)} />
      {status}
    </span>
  );
}
