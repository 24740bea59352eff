import { describe, expect, it } from 'vitest';
import { initialLink, type LinkState } from './link-state.ts';
import type { PreviewView, ViewReply } from './view-reply.ts';
import { isFinal, viewerPhase, wantsPicture } from './viewer-phase.ts';

const view: PreviewView = {
  sandboxStatus: 'active',
  status: 'ready',
  controlMode: 'ai',
  controller: null,
  leaseUntil: null,
  mayControl: false,
  inControl: false,
  handoff: null,
  now: 0,
  url: null,
  title: null,
  viewport: { width: 1280, height: 800 },
};
const reply = (change: Partial<PreviewView> = {}): ViewReply => ({
  kind: 'view',
  view: { ...view, ...change },
});
const open: LinkState = { ...initialLink, status: 'open', openedAt: 1 };
const lostOnce: LinkState = { ...initialLink, status: 'waiting', openedAt: 1, failures: 1 };

describe('viewerPhase', () => {
  it.each([
    ['queued', 'starting'],
    ['assigning', 'starting'],
    ['pausing', 'paused'],
    ['paused', 'paused'],
    ['ending', 'ended'],
    ['ended', 'ended'],
    ['failed', 'failed'],
  ] as const)('tells a sandbox that is %s as %s, even over an open picture', (sandboxStatus, phase) => {
    expect(viewerPhase(reply({ sandboxStatus }), false, open)).toBe(phase);
    expect(wantsPicture(reply({ sandboxStatus }))).toBe('no');
  });

  it('tells the browser’s own state while the sandbox runs', () => {
    expect(viewerPhase(reply({ status: 'starting' }), false, initialLink)).toBe('starting');
    expect(viewerPhase(reply({ status: 'failed' }), false, initialLink)).toBe('failed');
    expect(viewerPhase(reply({ status: 'ended' }), false, open)).toBe('ended');
  });

  it('goes from connecting to live to reconnecting', () => {
    expect(wantsPicture(reply())).toBe('yes');
    expect(viewerPhase(undefined, false, initialLink)).toBe('connecting');
    expect(viewerPhase(reply(), false, initialLink)).toBe('connecting');
    expect(viewerPhase(reply(), false, open)).toBe('live');
    expect(viewerPhase(reply(), false, lostOnce)).toBe('reconnecting');
  });

  it('says that the server does not answer only while there is no picture', () => {
    expect(viewerPhase(undefined, true, initialLink)).toBe('unreachable');
    expect(viewerPhase(reply(), true, lostOnce)).toBe('unreachable');
    expect(viewerPhase(reply(), true, open)).toBe('live');
  });

  it('keeps an open picture over the expiry of its link, and connects none after it', () => {
    const expired: ViewReply = { kind: 'expired' };
    expect(wantsPicture(expired)).toBe('hold');
    expect(viewerPhase(expired, false, open)).toBe('live');
    expect(viewerPhase(expired, false, lostOnce)).toBe('expired');
  });

  it('knows which phases are the last', () => {
    expect(viewerPhase({ kind: 'gone' }, false, open)).toBe('ended');
    expect((['ended', 'expired', 'incomplete'] as const).every(isFinal)).toBe(true);
    expect((['live', 'starting', 'paused', 'failed', 'unreachable'] as const).some(isFinal)).toBe(false);
  });
});
