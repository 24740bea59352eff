import { BanataError } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';
import { Brand } from './brand.tsx';
import { connectClient } from './connect-client.ts';

interface Props {
  /** The server refused the key that was used so far. */
  refused: boolean;
  onKey: (key: string) => void;
}

/** True when the server answered that the key is not good, or the client that it is no key at all. */
function isRefusal(error: unknown): boolean {
  return error instanceof BanataError && (error.status === 401 || error.code === 'INVALID_ARGUMENT');
}

/** Asks for the API key and tries it. */
export function KeyForm({ refused, onKey }: Props): ReactNode {
  const [key, setKey] = useState('');
  const attempt = useMutation({
    mutationFn: async (candidate: string) => {
      await connectClient(candidate, () => undefined).list({ limit: 1 });
      return candidate;
    },
    onSuccess: onKey,
  });
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    attempt.mutate(key.trim());
  };

  return (
    <main className="grid min-h-full place-items-center p-6">
      <form onSubmit={submit} className="flex w-full max-w-sm flex-col gap-5">
        <h1 className="text-xl">
          <Brand />
        </h1>
        {refused && !attempt.isError && (
          <p role="status" className="rounded-md border border-wait/40 bg-wait/10 px-3 py-2 text-sm">
            The server no longer takes the key you used. Enter one that is valid.
          </p>
        )}
        <label className="flex flex-col gap-1.5 text-sm font-medium">
          API key
          <input
            type="password"
            required
            autoComplete="off"
            spellCheck={false}
            placeholder="br_live_…"
            value={key}
            onChange={(event) => setKey(event.target.value)}
            aria-describedby="key-hint"
            className={`${INPUT_CLASS} font-mono font-normal`}
          />
        </label>
        <p id="key-hint" className="-mt-3 text-sm leading-relaxed text-soft">
          <code className="text-ink">./banata up</code> prints your first key, also when the server runs
          already. The key stays in this tab and is forgotten when you close it.
        </p>
        {isRefusal(attempt.error) ? (
          <p role="alert" className="rounded-md border border-bad/40 bg-bad/10 px-3 py-2 text-sm">
            The server does not take this key. Check that you copied all of it, and that it is neither revoked
            nor expired.
          </p>
        ) : (
          <ErrorNote error={attempt.error} />
        )}
        <Button type="submit" look="main" disabled={attempt.isPending}>
          {attempt.isPending ? 'Trying…' : 'Continue'}
        </Button>
      </form>
    </main>
  );
}
