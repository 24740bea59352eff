import type { BillingInfo } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';

/** What of a limit is used. */
export function PlanMeter({ billing }: { billing: BillingInfo }): ReactNode {
  const { plan, usage } = billing;
  return (
    <div className="flex flex-wrap items-start gap-x-10 gap-y-3 rounded-lg border border-line bg-panel px-4 py-3">
      <div className="flex flex-col gap-0.5">
        <span className="text-sm text-soft">Plan</span>
        <span className="font-medium">{plan.name}</span>
      </div>
      <Meter label="Sandboxes at once" {...usage.concurrentSandboxes} />
      <Meter label="Sandbox hours this month" {...usage.sandboxHours} />
    </div>
  );
}

function Meter({ label, used, limit }: { label: string; used: number; limit: number | null }): ReactNode {
  const shown = used.toLocaleString('en', { maximumFractionDigits: 1 });
  return (
    <div className="flex min-w-44 flex-col gap-0.5">
      <span className="text-sm text-soft">{label}</span>
      <span className="tabular-nums">
        {shown} {limit === null ? <span className="text-soft">without limit</span> : `of ${limit}`}
      </span>
      {limit !== null && <meter value={used} max={limit} aria-label={label} className="h-2 w-full" />}
    </div>
  );
}
