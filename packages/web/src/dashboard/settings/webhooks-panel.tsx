import type { WebhookWithSecret } from '@banata-boxes/sdk';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { useClient } from '../shell/use-client.ts';
import { Panel } from './panel.tsx';
import { ShownOnce } from './shown-once.tsx';
import { WebhookCreateForm } from './webhook-create-form.tsx';
import { WebhookRow } from './webhook-row.tsx';

const SHOWN = 200;
const QUERY = ['webhooks'];

/** The webhooks of the organization. */
export function WebhooksPanel(): ReactNode {
  const client = useClient();
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [fresh, setFresh] = useState<WebhookWithSecret | null>(null);
  const webhooks = useQuery({
    queryKey: QUERY,
    queryFn: ({ signal }) => client.webhooks.list({ limit: SHOWN, signal }),
  });
  const changed = (): void => void queries.invalidateQueries({ queryKey: QUERY });
  const made = (webhook: WebhookWithSecret): void => {
    setCreating(false);
    setFresh(webhook);
    changed();
  };

  return (
    <Panel
      title="Webhooks"
      action={
        !creating && (
          <Button look="main" onClick={() => setCreating(true)}>
            New webhook
          </Button>
        )
      }
      errors={[webhooks.error]}
      pending={webhooks.isPending}
      empty={webhooks.data?.data.length === 0 ? 'Events are posted to no address yet.' : undefined}
      top={
        <>
          {fresh && (
            <ShownOnce
              title={`The signing secret of ${fresh.url}. Deliveries are checked with it.`}
              secret={fresh.signingSecret}
              onDone={() => setFresh(null)}
            />
          )}
          {creating && <WebhookCreateForm onMade={made} onCancel={() => setCreating(false)} />}
          {webhooks.data?.nextCursor && <p className="text-sm text-soft">These are the newest {SHOWN}.</p>}
        </>
      }
    >
      {webhooks.data?.data.map((webhook) => (
        <WebhookRow key={webhook.id} webhook={webhook} onChanged={changed} />
      ))}
    </Panel>
  );
}
