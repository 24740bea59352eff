import type { ModelKey } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../../ui/button.tsx';
import { ErrorNote } from '../../../ui/error-note.tsx';
import { Field } from '../../../ui/field.tsx';
import { useClient } from '../../shell/use-client.ts';
import { PROVIDER_NAMES } from './provider-names.ts';

interface Props {
  onSet: () => void;
  onCancel: () => void;
}

type Provider = ModelKey['provider'];

const FIELDS = [
  { name: 'apiKey', label: 'Key', type: 'password' },
  { name: 'baseUrl', label: 'Base URL (the provider’s own where empty)', type: 'url' },
  { name: 'model', label: 'Model', type: 'text' },
  { name: 'smallModel', label: 'Model for titles and skills (the same where empty)', type: 'text' },
] as const;

/** Sets the key of a provider, in place of the one before. */
export function ModelKeyForm({ onSet, onCancel }: Props): ReactNode {
  const client = useClient();
  const [provider, setProvider] = useState<Provider>('openrouter');
  const [values, setValues] = useState<Partial<Record<(typeof FIELDS)[number]['name'], string>>>({});
  const setting = useMutation({
    mutationFn: () => {
      const given = Object.entries(values).filter(([, text]) => text.trim() !== '');
      return client.modelKeys.set(
        provider,
        Object.fromEntries(given.map(([name, text]) => [name, text.trim()])),
      );
    },
    onSuccess: onSet,
  });
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    setting.mutate();
  };

  return (
    <form
      onSubmit={submit}
      aria-label="Model key"
      className="flex flex-col gap-4 rounded-lg border border-line bg-panel p-4"
    >
      <fieldset className="flex flex-col gap-2 text-sm">
        <legend className="mb-2 font-medium">Provider</legend>
        {(Object.keys(PROVIDER_NAMES) as Provider[]).map((name) => (
          <label key={name} className="flex w-fit items-center gap-2">
            <input
              type="radio"
              name="provider"
              checked={provider === name}
              onChange={() => setProvider(name)}
              className="size-4 accent-accent"
            />
            {PROVIDER_NAMES[name]}
          </label>
        ))}
      </fieldset>
      {FIELDS.map(({ name, label, type }) => (
        <Field
          key={name}
          label={label}
          type={type}
          autoComplete="off"
          value={values[name] ?? ''}
          onText={(text) => setValues({ ...values, [name]: text })}
        />
      ))}
      <ErrorNote error={setting.error} />
      <div className="flex gap-2">
        <Button type="submit" look="main" disabled={setting.isPending}>
          {setting.isPending ? 'Saving…' : 'Save'}
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}
