import type { WebhookWithSecret } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { CardForm } from '../../ui/card-form.tsx';
import { Field } from '../../ui/field.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';
import { useClient } from '../shell/use-client.ts';
import { parseEventTypes } from './event-type-text.ts';

interface Props {
  onMade: (webhook: WebhookWithSecret) => void;
  onCancel: () => void;
}

/** Makes a webhook. */
export function WebhookCreateForm({ onMade, onCancel }: Props): ReactNode {
  const client = useClient();
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  const [types, setTypes] = useState('');
  const creation = useMutation({
    mutationFn: () => {
      const eventTypes = parseEventTypes(types);
      return client.webhooks.create({ url: url.trim(), description, ...(eventTypes && { eventTypes }) });
    },
    onSuccess: onMade,
  });

  return (
    <CardForm
      label="New webhook"
      words={['Create', 'Creating…']}
      sending={creation}
      onSend={() => creation.mutate()}
      onCancel={onCancel}
    >
      <Field
        label="URL"
        type="url"
        required
        maxLength={2048}
        placeholder="https://…"
        value={url}
        onText={setUrl}
      />
      <Field label="Description (optional)" maxLength={500} value={description} onText={setDescription} />
      <label className="flex flex-col gap-1.5 text-sm font-medium">
        Event types (optional)
        <textarea
          rows={3}
          spellCheck={false}
          autoComplete="off"
          placeholder={'sandbox.agent.task.completed\nsandbox.agent.task.failed'}
          value={types}
          onChange={(event) => setTypes(event.target.value)}
          aria-describedby="event-types-hint"
          className={`${INPUT_CLASS} font-mono font-normal`}
        />
      </label>
      <p id="event-types-hint" className="-mt-2 text-sm text-soft">
        One a line; none is every event except the ones of high rate. The API reference lists them.
      </p>
    </CardForm>
  );
}
