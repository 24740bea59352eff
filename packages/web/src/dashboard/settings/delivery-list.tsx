import type { WebhookDelivery } from '@banata-boxes/sdk';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { useClient } from '../shell/use-client.ts';
import { ShownTime } from '../shown-time.tsx';

const POLL_MS = 3_000;
const SHOWN = 20;

/** The newest deliveries of a webhook. */
export function DeliveryList({ webhookId }: { webhookId: string }): ReactNode {
  const { webhooks } = useClient();
  const queries = useQueryClient();
  const queryKey = ['deliveries', webhookId];
  const deliveries = useQuery({
    queryKey,
    queryFn: ({ signal }) => webhooks.deliveries(webhookId, { limit: SHOWN, signal }),
    refetchInterval: POLL_MS,
  });
  const again = useMutation({
    mutationFn: (deliveryId: string) => webhooks.redeliver(webhookId, deliveryId),
    onSuccess: () => queries.invalidateQueries({ queryKey }),
  });

  return (
    <div className="flex flex-col gap-2 rounded-md border border-line bg-ground p-3">
      <ErrorNote error={deliveries.error ?? again.error} />
      {deliveries.isPending && <Spinner className="mx-auto size-6" />}
      {deliveries.data?.data.length === 0 && <p className="text-sm text-soft">Nothing was delivered yet.</p>}
      <ul aria-label="Deliveries" className="flex flex-col gap-2 empty:hidden">
        {deliveries.data?.data.map((delivery) => (
          <Delivery
            key={delivery.id}
            delivery={delivery}
            busy={again.isPending}
            onAgain={() => again.mutate(delivery.id)}
          />
        ))}
      </ul>
      {deliveries.data?.nextCursor && <p className="text-sm text-soft">These are the newest {SHOWN}.</p>}
    </div>
  );
}

interface DeliveryProps {
  delivery: WebhookDelivery;
  busy: boolean;
  onAgain: () => void;
}

const TONES: Record<WebhookDelivery['status'], string> = {
  pending: 'text-wait',
  sending: 'text-wait',
  delivered: 'text-good',
  failed: 'text-bad',
};

function Delivery({ delivery, busy, onAgain }: DeliveryProps): ReactNode {
  const { status, attempts } = delivery;
  const last = attempts.at(-1);
  const outcome = last && (last.error ?? `HTTP ${last.status} after ${Math.round(last.durationMs)} ms`);
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm">
      <span className={`w-20 ${TONES[status]}`}>{status}</span>
      <span className="mr-auto min-w-0 wrap-anywhere">
        <code className="font-mono">{delivery.eventType}</code>{' '}
        <span className="text-soft">
          <ShownTime at={delivery.createdAt} /> · {attempts.length}{' '}
          {attempts.length === 1 ? 'attempt' : 'attempts'}
          {outcome && ` · ${outcome}`}
        </span>
      </span>
      {(status === 'delivered' || status === 'failed') && (
        <Button disabled={busy} onClick={onAgain}>
          Send again
        </Button>
      )}
    </li>
  );
}
