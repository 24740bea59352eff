import { describe, expect, it } from 'vitest';
import { agentRoutePolicy } from './route-policy.ts';

describe('agentRoutePolicy', () => {
  it.each([
    ['GET', '/session', 'read'],
    ['GET', '/session/ses_1/message', 'read'],
    ['GET', '/event', 'read'],
    ['GET', '/config', 'read-redacted'],
    ['GET', '/config/providers', 'read-redacted'],
    ['POST', '/session', 'change'],
    ['POST', '/session/ses_1/shell', 'change'],
    ['POST', '/session/ses_1/message', 'prompt'],
    ['POST', '/session/ses_1/prompt_async', 'prompt'],
    ['POST', '/session/ses_1/abort', 'abort'],
    ['PATCH', '/config', 'refuse'],
    ['POST', '/global/dispose', 'refuse'],
    ['POST', '/instance/dispose', 'refuse'],
    ['POST', '/mcp', 'refuse'],
    ['POST', '/session/ses_1/command', 'refuse'],
    ['POST', '/api/session/ses_1/prompt', 'refuse'],
    ['GET', '/api/fs/read/etc/passwd', 'refuse'],
    ['GET', '/session/../config', 'refuse'],
    ['GET', '/session/%2e%2e/config', 'refuse'],
    ['POST', '/session/ses_1/message/', 'refuse'],
    ['DELETE', '/session/status/extra', 'refuse'],
  ])('%s %s: %s', (method, path, kind) => {
    expect(agentRoutePolicy(method, path).kind).toBe(kind);
  });

  it('waits for the answer of a message, and not of an asynchronous prompt', () => {
    expect(agentRoutePolicy('POST', '/session/ses_1/message')).toEqual({
      kind: 'prompt',
      wait: true,
      sessionId: 'ses_1',
    });
    expect(agentRoutePolicy('POST', '/session/ses_2/prompt_async')).toMatchObject({
      wait: false,
      sessionId: 'ses_2',
    });
  });
});
