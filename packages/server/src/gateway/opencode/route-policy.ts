/** What happens to a call to the agent's own API. */
export type AgentRoutePolicy =
  /** Passed on; needs `sandbox_sessions:read`. */
  | { kind: 'read' }
  /** Passed on with credentials taken out of the reply; needs `sandbox_sessions:read`. */
  | { kind: 'read-redacted' }
  /** Passed on; needs `sandbox_sessions:exec`. */
  | { kind: 'change' }
  /** Becomes a task, so that the queue, budgets, handoffs and `allowPromptApi` hold. */
  | { kind: 'prompt'; wait: boolean; sessionId: string }
  /** Passed on after the session's tasks were cancelled. */
  | { kind: 'abort'; sessionId: string }
  /** Answered with 403 and this reason. */
  | { kind: 'refuse'; reason: string };

const READ = [
  '/global/health',
  '/global/event',
  '/event',
  '/config/providers',
  '/path',
  '/vcs',
  '/vcs/status',
  '/vcs/diff',
  '/vcs/diff/raw',
  '/command',
  '/agent',
  '/skill',
  '/lsp',
  '/formatter',
  '/mcp',
  '/project',
  '/project/current',
  '/project/{id}/directories',
  '/find',
  '/find/file',
  '/find/symbol',
  '/file',
  '/file/content',
  '/file/status',
  '/question',
  '/permission',
  '/provider/auth',
  '/session',
  '/session/status',
  '/session/{id}',
  '/session/{id}/children',
  '/session/{id}/todo',
  '/session/{id}/diff',
  '/session/{id}/message',
  '/session/{id}/message/{id}',
  '/experimental/capabilities',
  '/experimental/console',
  '/experimental/resource',
  '/experimental/session',
  '/experimental/tool',
  '/experimental/tool/ids',
  '/experimental/workspace',
  '/experimental/workspace/status',
  '/experimental/worktree',
  '/pty',
  '/pty/shells',
  '/pty/{id}',
];

/** Their replies hold the keys of model providers. */
const READ_REDACTED = ['/config', '/global/config', '/config/providers', '/provider'];

const CHANGE = [
  'POST /session',
  'PATCH /session/{id}',
  'DELETE /session/{id}',
  'POST /session/{id}/fork',
  'POST /session/{id}/revert',
  'POST /session/{id}/unrevert',
  'POST /session/{id}/shell',
  'POST /session/{id}/permissions/{id}',
  'POST /permission/{id}/reply',
  'POST /question/{id}/reply',
  'POST /question/{id}/reject',
  'POST /log',
  'POST /pty',
  'PUT /pty/{id}',
  'DELETE /pty/{id}',
  'POST /pty/{id}/connect-token',
];

const CONFIGURED = 'The agent is configured by the sandbox’s capabilities, and its keys stay at the server.';
const LIFE = 'The agent’s life belongs to the sandbox; end the sandbox instead.';
const AS_PROMPT = 'Send the work as a prompt, so that it becomes a task.';

const REFUSED: Record<string, string> = {
  'PATCH /config': CONFIGURED,
  'PATCH /global/config': CONFIGURED,
  'PUT /auth/{id}': CONFIGURED,
  'DELETE /auth/{id}': CONFIGURED,
  'POST /mcp': CONFIGURED,
  'POST /global/dispose': LIFE,
  'POST /global/upgrade': LIFE,
  'POST /instance/dispose': LIFE,
  'POST /session/{id}/init': AS_PROMPT,
  'POST /session/{id}/command': AS_PROMPT,
  'POST /session/{id}/summarize': AS_PROMPT,
  'POST /session/{id}/share': 'Sessions of a sandbox are not shared with other services.',
};

const rules = new Map<string, AgentRoutePolicy>([
  ...READ.map((path) => [`GET ${path}`, { kind: 'read' }] as const),
  ...READ_REDACTED.map((path) => [`GET ${path}`, { kind: 'read-redacted' }] as const),
  ...CHANGE.map((route) => [route, { kind: 'change' }] as const),
  ...Object.entries(REFUSED).map(([route, reason]) => [route, { kind: 'refuse', reason }] as const),
]);

/**
 * Judges a call by method and path: a list of what is allowed, since a new version of the agent may bring routes that
 * run commands or change its configuration. The routes are those of `GET /doc` of OpenCode 1.18.
 * @param path without query, such as `/session/ses_1/message`.
 */
export function agentRoutePolicy(method: string, path: string): AgentRoutePolicy {
  const prompt = /^\/session\/([A-Za-z0-9_-]+)\/(message|prompt_async|abort)$/.exec(path);
  if (prompt?.[1] !== undefined && method === 'POST') {
    const [, sessionId, action] = prompt;
    if (action === 'abort') return { kind: 'abort', sessionId };
    return { kind: 'prompt', wait: action === 'message', sessionId };
  }
  const found = [...rules].find(([rule]) => matches(rule, method, path));
  return found?.[1] ?? { kind: 'refuse', reason: 'This route of the agent is not offered.' };
}

function matches(rule: string, method: string, path: string): boolean {
  const [ruleMethod = '', rulePath = ''] = rule.split(' ');
  const pattern = rulePath.split('/');
  const segments = path.split('/');
  if (ruleMethod !== method || pattern.length !== segments.length) return false;
  return pattern.every((part, index) => {
    const segment = segments[index] ?? '';
    return part === '{id}' ? /^[A-Za-z0-9_.-]+$/.test(segment) && !/^\.+$/.test(segment) : part === segment;
  });
}
