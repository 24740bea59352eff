/** Longest wait between two attempts, in ms. */
const MAX_DELAY_MS = 10_000;
const FIRST_DELAY_MS = 400;
/** A connection that held this long was good: the next loss starts from the shortest wait again. */
const STEADY_MS = 5_000;

/** A connection to a remote screen, with what is needed to try again at a growing distance. */
export interface LinkState {
  status: 'idle' | 'connecting' | 'open' | 'waiting';
  /** Counts connections; a new number is a new connection. */
  serial: number;
  /** Losses in a row. */
  failures: number;
  openedAt: number | null;
}

/** `hold`: keep a connection that is open, make no new one. */
export type Wanted = 'yes' | 'no' | 'hold';

export type LinkAction =
  | { type: 'wanted'; wanted: Wanted }
  | { type: 'opened'; at: number }
  | { type: 'lost'; at: number }
  | { type: 'retry' };

export const initialLink: LinkState = { status: 'idle', serial: 0, failures: 0, openedAt: null };

function lost(state: LinkState, at: number): LinkState {
  if (state.status !== 'connecting' && state.status !== 'open') return state;
  const steady = state.status === 'open' && at - (state.openedAt ?? at) >= STEADY_MS;
  return { ...state, status: 'waiting', failures: steady ? 1 : state.failures + 1 };
}

function wanted(state: LinkState, how: Wanted): LinkState {
  if (how === 'yes') {
    return state.status === 'idle' ? { ...state, status: 'connecting', serial: state.serial + 1 } : state;
  }
  if (state.status === 'idle' || (how === 'hold' && state.status === 'open')) return state;
  return { ...state, status: 'idle', failures: 0 };
}

/** Next state of the connection; actions that do not fit the state change nothing. */
export function reduceLink(state: LinkState, action: LinkAction): LinkState {
  switch (action.type) {
    case 'wanted':
      return wanted(state, action.wanted);
    case 'opened':
      return state.status === 'connecting' ? { ...state, status: 'open', openedAt: action.at } : state;
    case 'lost':
      return lost(state, action.at);
    case 'retry':
      return state.status === 'waiting'
        ? { ...state, status: 'connecting', serial: state.serial + 1 }
        : state;
  }
}

/** Wait before the next attempt, in ms: doubles per loss up to ten seconds; `random` (0…1) spreads it by a quarter. */
export function retryDelayMs(failures: number, random: number): number {
  const delay = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1));
  return Math.round(delay * (1 - random / 4));
}
