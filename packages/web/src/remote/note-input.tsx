import type { ReactNode } from 'react';
import { INPUT_CLASS } from '../ui/input-class.ts';

interface Props {
  note: string;
  onNote: (note: string) => void;
}

/** What a person tells the agent when they are done, or cannot do it. */
export function NoteInput({ note, onNote }: Props): ReactNode {
  return (
    <input
      aria-label="Note"
      placeholder="Anything the agent should know (optional)"
      value={note}
      maxLength={4000}
      onChange={(event) => onNote(event.target.value)}
      className={`${INPUT_CLASS} min-w-40 flex-1`}
    />
  );
}
