import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { CardForm } from '../../ui/card-form.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';
import { useClient } from '../shell/use-client.ts';
import { sandboxHref } from '../shell/route.ts';
import { Choice } from './choice.tsx';
import { createOptions } from './create-options.ts';
import { parseEnv } from './env-text.ts';

const ENV_PLACEHOLDER = 'OPENROUTER_API_KEY=…\nOPENROUTER_MODEL=…';

/** Makes a sandbox and opens its page. */
export function CreateForm({ onCancel }: { onCancel: () => void }): ReactNode {
  const client = useClient();
  const queries = useQueryClient();
  const [browser, setBrowser] = useState(true);
  const [agent, setAgent] = useState(true);
  const [demoModel, setDemoModel] = useState(false);
  const [envText, setEnvText] = useState('');
  const env = parseEnv(envText);
  const creation = useMutation({
    mutationFn: (values: Record<string, string>) =>
      client.create(createOptions({ browser, agent, demoModel, env: values })),
    onSuccess: async ({ id }) => {
      location.hash = sandboxHref(id);
      await queries.invalidateQueries({ queryKey: ['sandboxes'] });
    },
  });

  return (
    <CardForm
      label="New sandbox"
      words={['Create', 'Creating…']}
      ready={env.ok}
      sending={creation}
      onSend={() => env.ok && creation.mutate(env.env)}
      onCancel={onCancel}
    >
      <fieldset className="grid gap-3 sm:grid-cols-3">
        <legend className="sr-only">Capabilities</legend>
        <Choice
          label="Browser"
          hint="Chromium that you can watch and drive"
          checked={browser}
          onChange={setBrowser}
        />
        <Choice
          label="Agent"
          hint="OpenCode, for prompts in plain words"
          checked={agent}
          onChange={setAgent}
        />
        <Choice
          label="Demo model"
          hint="The agent plays a fixed script: no real model, no key"
          checked={agent && demoModel}
          disabled={!agent}
          onChange={setDemoModel}
        />
      </fieldset>
      <details className="text-sm">
        <summary className="w-fit rounded-sm text-soft hover:text-ink">Environment variables</summary>
        <label className="mt-2 flex flex-col gap-1.5">
          <span className="text-soft">
            One NAME=value a line. Model keys given here stay with the server and never enter the sandbox.
          </span>
          <textarea
            rows={4}
            spellCheck={false}
            autoComplete="off"
            placeholder={ENV_PLACEHOLDER}
            value={envText}
            onChange={(event) => setEnvText(event.target.value)}
            aria-invalid={!env.ok}
            className={`${INPUT_CLASS} font-mono`}
          />
        </label>
        {!env.ok && (
          <p role="alert" className="mt-1 text-bad">
            {env.error}
          </p>
        )}
      </details>
    </CardForm>
  );
}
