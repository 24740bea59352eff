import { useQueryClient } from '@tanstack/react-query';
import type { BanataEvent, Sandbox } from '@banata-boxes/sdk';
import { useEffect, useReducer, useState } from 'react';
import { followTranscript } from './follow-transcript.ts';
import { staleKeys } from './stale-keys.ts';
import { addEvent, emptyTranscript, type Transcript } from './transcript.ts';

export interface LiveTranscript {
  transcript: Transcript;
  /** Why events do not come at the moment. */
  problem: string | null;
}

type Action = { type: 'reset' } | { type: 'add'; events: readonly BanataEvent[] };

function reduce(transcript: Transcript, action: Action): Transcript {
  return action.type === 'reset' ? emptyTranscript : action.events.reduce(addEvent, transcript);
}

/** The agent's words and deeds as they happen, with all that came before. */
export function useTranscript(sandbox: Sandbox): LiveTranscript {
  const queries = useQueryClient();
  const [transcript, dispatch] = useReducer(reduce, emptyTranscript);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    const ending = new AbortController();
    dispatch({ type: 'reset' });
    const onEvents = (events: readonly BanataEvent[]): void => {
      dispatch({ type: 'add', events });
      for (const key of staleKeys(events)) void queries.invalidateQueries({ queryKey: [key, sandbox.id] });
    };
    void followTranscript(sandbox, { onEvents, onProblem: setProblem, signal: ending.signal });
    return () => ending.abort();
  }, [sandbox, queries]);

  return { transcript, problem };
}
