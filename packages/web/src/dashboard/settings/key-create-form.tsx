import type { NewApiKey, Scope } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { CardForm } from '../../ui/card-form.tsx';
import { Field } from '../../ui/field.tsx';
import { Choice } from '../create/choice.tsx';
import { may } from '../shell/may.ts';
import { useServer } from '../shell/server-context.ts';
import { scopes, scopeWords } from './scope-words.ts';

interface Props {
  onMade: (key: NewApiKey) => void;
  onCancel: () => void;
}

/** Makes a key. Offers the scopes that its maker has: a key cannot get more. */
export function KeyCreateForm({ onMade, onCancel }: Props): ReactNode {
  const { client, identity } = useServer();
  const [name, setName] = useState('');
  const [full, setFull] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<Scope>>(new Set());
  const creation = useMutation({
    mutationFn: () =>
      client.apiKeys.create({
        name: name.trim(),
        ...(!full && { scopes: scopes.filter((s) => chosen.has(s)) }),
      }),
    onSuccess: onMade,
  });
  const choose = (scope: Scope, on: boolean): void =>
    setChosen(new Set(on ? [...chosen, scope] : [...chosen].filter((other) => other !== scope)));
  return (
    <CardForm
      label="New API key"
      words={['Create', 'Creating…']}
      ready={full || chosen.size > 0}
      sending={creation}
      onSend={() => creation.mutate()}
      onCancel={onCancel}
    >
      <Field label="Name" required maxLength={100} autoComplete="off" value={name} onText={setName} />
      <fieldset className="grid gap-2 sm:grid-cols-2 lg:grid-cols-3">
        <legend className="mb-2 text-sm font-medium">What it may do</legend>
        {identity.scopes === null && (
          <Choice
            label="Full access"
            hint="Everything, also what later versions add"
            checked={full}
            onChange={setFull}
          />
        )}
        {!full &&
          scopes
            .filter((scope) => may(identity, scope))
            .map((scope) => (
              <Choice
                key={scope}
                label={scopeWords[scope]}
                hint={scope}
                checked={chosen.has(scope)}
                onChange={(on) => choose(scope, on)}
              />
            ))}
      </fieldset>
    </CardForm>
  );
}
