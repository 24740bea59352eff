import { BanataError, type Preview, type SandboxSession, type SandboxStatus } from '@banata-boxes/sdk';
import { describe, expect, it } from 'vitest';
import { previewReply } from './preview-reply.ts';
import { featuresOf } from './session-facts.ts';

function session(status: SandboxStatus, capabilities: SandboxSession['capabilities'] = null): SandboxSession {
  return {
    id: 'b',
    status,
    runtime: 'bun',
    size: 'standard',
    region: 'loc',
    ephemeral: true,
    capabilities,
    isolation: 'container',
    network: { egress: 'all' },
    metadata: {},
    createdAt: 0,
    readyAt: null,
    endedAt: null,
    expiresAt: 1,
    idleTimeoutMs: null,
    lastActivityAt: 0,
    endReason: null,
    pairedBrowser: null,
  };
}
const preview: Preview = {
  status: 'ready',
  reason: null,
  controlMode: 'ai',
  controller: null,
  leaseUntil: null,
  humanInLoop: false,
  handoff: null,
  viewport: { width: 800, height: 600 },
  url: 'http://a/',
  title: 'A',
  wsUrl: 'ws://h/v1/sandboxes/vnc?token=t',
  viewOnlyUrl: 'http://h/view?session=b&token=w',
  viewOnlyWsUrl: 'ws://h/v1/sandboxes/vnc?token=w',
  cdpUrl: 'ws://h/v1/sandboxes/cdp?token=t',
  cdpHttpUrl: 'http://h/v1/sandboxes/cdp?token=t',
  connection: null,
  viewerUrl: 'http://h/view?session=b&token=t',
  expiresAt: 1,
  updatedAt: 0,
};
const notReady = new BanataError({ status: 409, code: 'BROWSER_NOT_READY', message: 'not ready' });

const nothing = { preview: undefined, previewError: null, reply: undefined };

describe('previewReply', () => {
  it('knows nothing before the first answer', () => {
    expect(previewReply({ ...nothing, session: session('ready') })).toBeUndefined();
    const previewError = new BanataError({ status: 0, code: 'NETWORK_ERROR', message: 'down' });
    expect(previewReply({ ...nothing, session: session('ready'), previewError })).toBeUndefined();
  });

  it('takes "not ready" as starting', () => {
    expect(previewReply({ ...nothing, session: session('ready'), previewError: notReady })).toMatchObject({
      view: { status: 'starting' },
    });
  });

  it('tells what the link is told, and before that what came with the link', () => {
    const asked = { ...nothing, session: session('active'), preview };
    expect(previewReply(asked)).toMatchObject({ view: { status: 'ready', sandboxStatus: 'active' } });
    expect(previewReply({ ...asked, reply: { kind: 'expired' } })).toEqual({ kind: 'expired' });
  });

  it('tells the state of a sandbox that takes no work before anything else', () => {
    const reply = previewReply({ ...nothing, session: session('ready'), preview });
    expect(previewReply({ ...nothing, session: session('ended'), preview, reply })).toMatchObject({
      view: { sandboxStatus: 'ended' },
    });
    expect(previewReply({ ...nothing, session: session('assigning') })).toMatchObject({
      view: { sandboxStatus: 'assigning' },
    });
  });
});

describe('featuresOf', () => {
  it('reads both generations of names', () => {
    expect(featuresOf(session('ready'))).toEqual({ browser: false, agent: false });
    expect(featuresOf(session('ready', { browser: {}, opencode: { enabled: true } }))).toEqual({
      browser: true,
      agent: true,
    });
    expect(featuresOf(session('ready', { browser: { mode: 'none' }, agent: {} }))).toEqual({
      browser: false,
      agent: false,
    });
  });
});
