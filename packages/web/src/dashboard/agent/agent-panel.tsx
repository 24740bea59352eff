import type { Sandbox } from '@banata-boxes/sdk';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { StickyScroll } from '../../ui/sticky-scroll.tsx';
import { AgentStateLine } from './agent-state-line.tsx';
import { EntryView } from './entry-view.tsx';
import { PromptForm } from './prompt-form.tsx';
import { currentWork } from './transcript.ts';
import type { LiveTranscript } from './use-transcript.ts';

const STARTING_POLL_MS = 1_500;
const POLL_MS = 10_000;

interface Props {
  sandbox: Sandbox;
  works: boolean;
  live: LiveTranscript;
}

/** The agent: what it says and does, and telling it what to do. */
export function AgentPanel({ sandbox, works, live }: Props): ReactNode {
  const { transcript, problem } = live;
  const state = useQuery({
    queryKey: ['agent', sandbox.id],
    queryFn: ({ signal }) => sandbox.getAgentState({ signal }),
    enabled: works,
    refetchInterval: ({ state: { data } }) =>
      !data || data.state === 'starting' ? STARTING_POLL_MS : POLL_MS,
  });
  const { open, sessionId } = currentWork(transcript);

  return (
    <>
      <AgentStateLine
        sandbox={sandbox}
        state={works ? state.data : undefined}
        open={open}
        problem={problem}
      />
      <StickyScroll watch={transcript} className="flex flex-1 flex-col gap-3 p-3">
        {transcript.entries.length === 0 && (
          <p className="m-auto max-w-64 text-center text-sm text-soft">
            Tell the agent what to do. It works in /workspace and in the browser you see.
          </p>
        )}
        {transcript.entries.map((entry) => (
          <EntryView key={entry.key} entry={entry} />
        ))}
      </StickyScroll>
      <PromptForm sandbox={sandbox} works={works} sessionId={sessionId} />
    </>
  );
}
