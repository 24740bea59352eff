import type { ModelKey } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { CardForm } from '../../../ui/card-form.tsx';
import { Field } from '../../../ui/field.tsx';
import { RadioGroup } from '../../../ui/radio-group.tsx';
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

  return (
    <CardForm
      label="Model key"
      words={['Save', 'Saving…']}
      sending={setting}
      onSend={() => setting.mutate()}
      onCancel={onCancel}
    >
      <RadioGroup legend="Provider" options={PROVIDER_NAMES} value={provider} onChange={setProvider} />
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
    </CardForm>
  );
}
