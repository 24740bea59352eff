import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Button } from '../../../ui/button.tsx';
import { ErrorNote } from '../../../ui/error-note.tsx';
import { MoreButton } from '../../../ui/more-button.tsx';
import { Spinner } from '../../../ui/spinner.tsx';
import { useNow } from '../../../ui/use-now.ts';
import { formatBytes } from '../../format.ts';
import { sandboxHref } from '../../shell/route.ts';
import { useClient } from '../../shell/use-client.ts';
import { FIGURES } from './figures.ts';
import { monthBefore } from './month.ts';
import { PlanMeter } from './plan-meter.tsx';
import { UsageTable } from './usage-table.tsx';

const PAGE = 50;
const NOW_STEP_MS = 60_000;

/** What the organization used in a month: in all, by day and by sandbox. */
export function UsagePanel(): ReactNode {
  const client = useClient();
  const [back, setBack] = useState(0);
  const month = monthBefore(useNow(NOW_STEP_MS), back);
  const { from, to } = month;
  const billing = useQuery({
    queryKey: ['billing'],
    queryFn: ({ signal }) => client.getBilling({ signal }),
  });
  const usage = useInfiniteQuery({
    queryKey: ['usage', from, to],
    queryFn: ({ signal, pageParam }) =>
      client.getUsage({ from, to, limit: PAGE, signal, ...(pageParam !== null && { cursor: pageParam }) }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
  const first = usage.data?.pages[0];
  const sandboxes = usage.data?.pages.flatMap((page) => page.sandboxes) ?? [];

  return (
    <section aria-label="Usage" className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center gap-2">
        <h2 className="mr-auto text-lg font-semibold">Usage in {month.label}</h2>
        <Button onClick={() => setBack(back + 1)}>Month before</Button>
        <Button disabled={back === 0} onClick={() => setBack(back - 1)}>
          Month after
        </Button>
      </div>
      <ErrorNote error={usage.error ?? billing.error} />
      {billing.data && <PlanMeter billing={billing.data} />}
      {usage.isPending && <Spinner className="mx-auto size-7" />}
      {first && (
        <>
          <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line sm:grid-cols-3">
            {[
              ...FIGURES.map(({ label, text }) => [label, text(first.total)] as const),
              ['Artifacts, now', formatBytes(first.artifactBytes)] as const,
            ].map(([label, text]) => (
              <div key={label} className="flex flex-col gap-0.5 bg-panel px-4 py-3 max-sm:last:col-span-2">
                <dt className="text-sm text-soft">{label}</dt>
                <dd className="text-lg tabular-nums">{text}</dd>
              </div>
            ))}
          </dl>
          {first.days.length > 0 && (
            <UsageTable
              caption="Day, UTC"
              rows={first.days.map((figures) => ({ key: figures.day, name: figures.day, figures }))}
            />
          )}
          {sandboxes.length > 0 && (
            <UsageTable
              caption="Sandbox"
              rows={sandboxes.map((figures) => ({
                key: figures.sandboxId,
                name: (
                  <a href={sandboxHref(figures.sandboxId)} className="font-mono hover:underline">
                    {figures.sandboxId.slice(0, 12)}…
                  </a>
                ),
                figures,
              }))}
            />
          )}
        </>
      )}
      <MoreButton label="More sandboxes" query={usage} />
    </section>
  );
}
