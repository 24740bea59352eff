import type { Sandbox } from '@banata-boxes/sdk';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';
import { completeUrl } from './complete-url.ts';

interface Props {
  sandbox: Sandbox;
  /** Address of the page that is open now. */
  url: string | null;
  disabled: boolean;
}

/** The address of the page, and going to another one. */
export function NavigateForm({ sandbox, url, disabled }: Props): ReactNode {
  const queries = useQueryClient();
  /** What the person types; null while the line shows the page's own address. */
  const [typed, setTyped] = useState<string | null>(null);
  const navigation = useMutation({
    mutationFn: (target: string) => sandbox.navigatePreview(target),
    onSuccess: () => setTyped(null),
    onSettled: () => queries.invalidateQueries({ queryKey: ['view'] }),
  });
  const value = typed ?? url ?? '';
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (value.trim()) navigation.mutate(completeUrl(value));
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-2 border-b border-line p-2">
      <div className="flex gap-2">
        <input
          aria-label="Address"
          inputMode="url"
          autoCapitalize="off"
          autoComplete="off"
          spellCheck={false}
          placeholder="https://…"
          disabled={disabled}
          value={value}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={() => setTyped((text) => (text?.trim() ? text : null))}
          className={`${INPUT_CLASS} disabled:opacity-50`}
        />
        <Button type="submit" disabled={disabled || navigation.isPending}>
          {navigation.isPending ? 'Opening…' : 'Open'}
        </Button>
      </div>
      <ErrorNote error={navigation.error} />
    </form>
  );
}
