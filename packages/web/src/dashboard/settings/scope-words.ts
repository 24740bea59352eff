import type { Scope } from '@banata/protocol';

/** What each scope allows, in the order they are offered. */
export const scopeWords: Readonly<Record<Scope, string>> = {
  'sandbox_sessions:create': 'Create sandboxes',
  'sandbox_sessions:read': 'See sandboxes, tasks, files and events',
  'sandbox_sessions:exec': 'Run commands and tasks, write files',
  'sandbox_sessions:delete': 'End sandboxes',
  'browser_sessions:create': 'Create browser sessions',
  'browser_sessions:read': 'See browser sessions',
  'browser_sessions:delete': 'End browser sessions',
  'org:billing': 'See usage and billing',
  'api_keys:manage': 'Manage API keys',
  'webhooks:manage': 'Manage webhooks',
  'organization:manage': 'Manage people',
  'organizations:manage': 'Operate the installation',
  'audit:read': 'Read the audit log',
};

/** The scopes, in that order. */
export const scopes = Object.keys(scopeWords) as Scope[];
