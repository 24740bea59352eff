import type { NewApiKey } from '@banata-boxes/sdk';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { useClient } from '../shell/use-client.ts';
import { KeyCreateForm } from './key-create-form.tsx';
import { KeyRow } from './key-row.tsx';
import { Panel } from './panel.tsx';
import { ShownOnce } from './shown-once.tsx';

const SHOWN = 200;
const QUERY = ['api-keys'];

/** The API keys of the organization. */
export function KeysPanel(): ReactNode {
  const client = useClient();
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [fresh, setFresh] = useState<NewApiKey | null>(null);
  const keys = useQuery({
    queryKey: QUERY,
    queryFn: ({ signal }) => client.apiKeys.list({ limit: SHOWN, signal }),
  });
  const changed = (): Promise<void> => queries.invalidateQueries({ queryKey: QUERY });
  const made = (key: NewApiKey): void => {
    setCreating(false);
    setFresh(key);
    void changed();
  };

  return (
    <Panel
      title="API keys"
      action={
        !creating && (
          <Button look="main" onClick={() => setCreating(true)}>
            New key
          </Button>
        )
      }
      errors={[keys.error]}
      pending={keys.isPending}
      empty={keys.data?.data.length === 0 ? 'There is no key.' : undefined}
      top={
        <>
          {fresh && (
            <ShownOnce title={`The key “${fresh.name}”.`} secret={fresh.key} onDone={() => setFresh(null)} />
          )}
          {creating && <KeyCreateForm onMade={made} onCancel={() => setCreating(false)} />}
          {keys.data?.nextCursor && <p className="text-sm text-soft">These are the newest {SHOWN}.</p>}
        </>
      }
    >
      {keys.data?.data.map((key) => (
        <KeyRow key={key.id} apiKey={key} onRotated={made} onRevoked={() => void changed()} />
      ))}
    </Panel>
  );
}
