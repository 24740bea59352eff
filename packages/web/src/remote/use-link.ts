import { useCallback, useEffect, useReducer } from 'react';
import { initialLink, reduceLink, retryDelayMs, type LinkState, type Wanted } from './link-state.ts';

export interface Link {
  state: LinkState;
  opened: () => void;
  lost: () => void;
}

/** Keeps a remote screen connected while it is wanted. */
export function useLink(wanted: Wanted): Link {
  const [state, dispatch] = useReducer(reduceLink, initialLink);

  useEffect(() => dispatch({ type: 'wanted', wanted }), [wanted]);

  useEffect(() => {
    if (state.status !== 'waiting' || wanted !== 'yes') return;
    const timer = setTimeout(() => dispatch({ type: 'retry' }), retryDelayMs(state.failures, Math.random()));
    return () => clearTimeout(timer);
  }, [wanted, state.status, state.failures]);

  const opened = useCallback(() => dispatch({ type: 'opened', at: Date.now() }), []);
  const lost = useCallback(() => dispatch({ type: 'lost', at: Date.now() }), []);
  return { state, opened, lost };
}
