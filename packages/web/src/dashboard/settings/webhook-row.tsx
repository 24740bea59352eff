import type { Webhook } from '@banata-boxes/sdk';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { useClient } from '../shell/use-client.ts';
import { ShownTime } from '../shown-time.tsx';
import { DeliveryList } from './delivery-list.tsx';

/** One webhook: what it gets, whether it works, and its deliveries. */
export function WebhookRow({ webhook, onChanged }: { webhook: Webhook; onChanged: () => void }): ReactNode {
  const { webhooks } = useClient();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const { id } = webhook;
  const test = useMutation({
    mutationFn: () => webhooks.test(id),
    onSuccess: () => {
      setOpen(true);
      return queries.invalidateQueries({ queryKey: ['deliveries', id] });
    },
  });
  const enabling = useMutation({
    mutationFn: (enabled: boolean) => webhooks.update(id, { enabled }),
    onSuccess: onChanged,
  });
  const removal = useMutation({ mutationFn: () => webhooks.delete(id), onSuccess: onChanged });

  return (
    <li className="flex flex-col gap-2 px-4 py-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <span className="mr-auto min-w-0 font-mono text-sm wrap-anywhere">{webhook.url}</span>
        <Button aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Hide deliveries' : 'Deliveries'}
        </Button>
        {webhook.enabled && (
          <Button disabled={test.isPending} onClick={() => test.mutate()}>
            {test.isPending ? 'Testing…' : 'Test'}
          </Button>
        )}
        <Button disabled={enabling.isPending} onClick={() => enabling.mutate(!webhook.enabled)}>
          {webhook.enabled ? 'Disable' : 'Enable'}
        </Button>
        <ConfirmButton
          label="Delete"
          question="Delete this webhook with its deliveries?"
          yes="Delete with its deliveries"
          pending={removal.isPending}
          pendingLabel="Deleting…"
          onConfirm={() => removal.mutate()}
        />
      </div>
      <p className="text-sm text-soft">
        {webhook.description && `${webhook.description} · `}
        <span title={webhook.eventTypes.join('\n')}>{webhook.eventTypes.length} event types</span>
        {!webhook.enabled && <span className="text-wait"> · disabled {webhook.disabledReason}</span>}
        {webhook.failingSince !== null && (
          <span className="text-bad">
            {' '}
            · fails since <ShownTime at={webhook.failingSince} />
          </span>
        )}
      </p>
      <ErrorNote error={test.error ?? enabling.error ?? removal.error} />
      {open && <DeliveryList webhookId={id} />}
    </li>
  );
}
