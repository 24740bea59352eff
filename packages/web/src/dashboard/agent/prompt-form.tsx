import type { Sandbox } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type KeyboardEvent, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';

interface Props {
  sandbox: Sandbox;
  works: boolean;
  /** Agent session to go on with. */
  sessionId: string | null;
}

/** Gives the agent a task. */
export function PromptForm({ sandbox, works, sessionId }: Props): ReactNode {
  const [text, setText] = useState('');
  const [fresh, setFresh] = useState(false);
  const prompt = useMutation({
    mutationFn: (words: string) =>
      sandbox.promptAsync(words, {
        // Somebody sits here and waits for the answer.
        duringHandoff: true,
        ...(sessionId !== null && !fresh ? { sessionId } : {}),
      }),
    onSuccess: () => {
      setText('');
      setFresh(false);
    },
  });
  const ready = works && text.trim() !== '' && !prompt.isPending;
  const send = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (ready) prompt.mutate(text.trim());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) send(event);
  };

  return (
    <form onSubmit={send} className="flex shrink-0 flex-col gap-2 border-t border-line p-2">
      <ErrorNote error={prompt.error} />
      <textarea
        aria-label="Prompt for the agent"
        rows={2}
        placeholder={works ? 'What should the agent do?' : 'The sandbox takes no prompts now'}
        disabled={!works}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        className={`${INPUT_CLASS} resize-none disabled:opacity-50`}
      />
      <div className="flex items-center gap-3">
        {works && sessionId !== null && (
          <label className="flex items-center gap-2 text-sm text-soft">
            <input
              type="checkbox"
              checked={fresh}
              onChange={(event) => setFresh(event.target.checked)}
              className="size-4 accent-accent"
            />
            New conversation
          </label>
        )}
        <span className="ml-auto text-xs text-soft max-sm:hidden">Shift+Enter for a new line</span>
        <Button type="submit" look="main" disabled={!ready} className="max-sm:ml-auto">
          {prompt.isPending ? 'Sending…' : 'Send'}
        </Button>
      </div>
    </form>
  );
}
