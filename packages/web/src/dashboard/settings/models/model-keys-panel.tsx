import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ModelKey } from '@banata-boxes/sdk';
import { useState, type ReactNode } from 'react';
import { Button } from '../../../ui/button.tsx';
import { ConfirmButton } from '../../../ui/confirm-button.tsx';
import { ErrorNote } from '../../../ui/error-note.tsx';
import { useClient } from '../../shell/use-client.ts';
import { ShownTime } from '../../shown-time.tsx';
import { Panel } from '../panel.tsx';
import { ModelKeyForm } from './model-key-form.tsx';
import { PROVIDER_NAMES } from './provider-names.ts';

const QUERY = ['model-keys'];

/** The model keys of the organization. */
export function ModelKeysPanel(): ReactNode {
  const client = useClient();
  const queries = useQueryClient();
  const [setting, setSetting] = useState(false);
  const keys = useQuery({
    queryKey: QUERY,
    queryFn: ({ signal }) => client.modelKeys.list({ signal }),
  });
  const changed = (): Promise<void> => queries.invalidateQueries({ queryKey: QUERY });
  const set = (): void => {
    setSetting(false);
    void changed();
  };

  return (
    <Panel
      title="Model keys"
      action={
        !setting && (
          <Button look="main" onClick={() => setSetting(true)}>
            Set a key
          </Button>
        )
      }
      errors={[keys.error]}
      pending={keys.isPending}
      empty={
        keys.data?.length === 0
          ? 'There is no key. Sandboxes that bring none use the server’s, where it has one.'
          : undefined
      }
      top={setting && <ModelKeyForm onSet={set} onCancel={() => setSetting(false)} />}
    >
      {keys.data?.map((key) => (
        <ModelKeyRow key={key.provider} modelKey={key} onDeleted={() => void changed()} />
      ))}
    </Panel>
  );
}

interface RowProps {
  modelKey: ModelKey;
  onDeleted: () => void;
}

function ModelKeyRow({ modelKey, onDeleted }: RowProps): ReactNode {
  const client = useClient();
  const deletion = useMutation({
    mutationFn: () => client.modelKeys.delete(modelKey.provider),
    onSuccess: onDeleted,
  });
  const { provider, apiKey, baseUrl, model, smallModel, updatedAt } = modelKey;
  const facts = [baseUrl, model, smallModel].filter((fact) => fact !== null);
  return (
    <li className="flex flex-col gap-2 px-4 py-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <span className="mr-auto min-w-0 truncate">
          <span className="font-medium">{PROVIDER_NAMES[provider]}</span>{' '}
          <code className="font-mono text-sm text-soft">{apiKey ?? 'no key'}</code>
        </span>
        <ConfirmButton
          label="Delete"
          question="Delete this key?"
          yes="Delete"
          pending={deletion.isPending}
          pendingLabel="Deleting…"
          onConfirm={() => deletion.mutate()}
        />
      </div>
      <p className="text-sm wrap-anywhere text-soft">
        {facts.map((fact) => `${fact} · `)}
        set <ShownTime at={updatedAt} />
      </p>
      <ErrorNote error={deletion.error} />
    </li>
  );
}
