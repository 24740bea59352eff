import type { Tone } from '../ui/status-dot.tsx';
import type { ViewerPhase } from './viewer-phase.ts';

export interface PhaseText {
  /** One or two words for the bar. */
  label: string;
  tone: Tone;
  title: string;
  hint: string;
}

const TEXTS: Record<ViewerPhase, PhaseText> = {
  connecting: { label: 'Connecting', tone: 'wait', title: 'Connecting…', hint: 'Opening the live view.' },
  starting: {
    label: 'Starting',
    tone: 'wait',
    title: 'Starting the browser…',
    hint: 'This takes a few seconds. The picture appears by itself.',
  },
  live: { label: 'Live', tone: 'good', title: 'Live', hint: 'You see the browser as it is now.' },
  reconnecting: {
    label: 'Reconnecting',
    tone: 'wait',
    title: 'Reconnecting…',
    hint: 'The connection was lost. The browser goes on meanwhile.',
  },
  paused: {
    label: 'Paused',
    tone: 'off',
    title: 'This session is paused',
    hint: 'The picture comes back by itself when it is resumed.',
  },
  unreachable: {
    label: 'No connection',
    tone: 'bad',
    title: 'The server does not answer',
    hint: 'Check your connection. This page keeps trying.',
  },
  failed: {
    label: 'Failed',
    tone: 'bad',
    title: 'The browser could not start',
    hint: 'Ask whoever gave you this link to start a new session.',
  },
  ended: {
    label: 'Ended',
    tone: 'off',
    title: 'This session has ended',
    hint: 'Its browser no longer runs. You can close this page.',
  },
  expired: {
    label: 'Link expired',
    tone: 'off',
    title: 'This link has expired',
    hint: 'Links are good for a limited time. Ask for a fresh link where you got this one.',
  },
  incomplete: {
    label: 'Incomplete link',
    tone: 'off',
    title: 'This link is incomplete',
    hint: 'Open the whole link, just as you received it.',
  },
};

/** The words for a phase of the viewer. */
export function phaseText(phase: ViewerPhase): PhaseText {
  return TEXTS[phase];
}
