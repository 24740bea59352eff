import type { ReactNode, SyntheticEvent } from 'react';
import { Button } from './button.tsx';
import { ErrorNote } from './error-note.tsx';

interface Props {
  /** What it is for, for those who hear the page. */
  label: string;
  /** On the button: before, and while it is sent. */
  words: readonly [string, string];
  /** False while something is missing that the fields do not ask for by themselves. Default true. */
  ready?: boolean;
  /** How sending goes: the state of the mutation. */
  sending: { isPending: boolean; error: Error | null };
  onSend: () => void;
  onCancel: () => void;
  /** The fields. */
  children: ReactNode;
}

/** A form on a card of its own, which is there until it was sent or cancelled. */
export function CardForm({
  label,
  words,
  ready = true,
  sending,
  onSend,
  onCancel,
  children,
}: Props): ReactNode {
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (ready) onSend();
  };
  return (
    <form
      onSubmit={submit}
      aria-label={label}
      className="flex flex-col gap-4 rounded-lg border border-line bg-panel p-4"
    >
      {children}
      <ErrorNote error={sending.error} />
      <div className="flex gap-2">
        <Button type="submit" look="main" disabled={!ready || sending.isPending}>
          {sending.isPending ? words[1] : words[0]}
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}
