import type { RuntimeKind } from './runtime.ts';

const DELETE_TIMEOUT_MS = 15_000;

/** Runs boxes as containers of the host's kernel. */
export function runc(): RuntimeKind {
  return {
    program: 'runc',
    options: [],
    containerOf: (entry) => entry,
    forget: async (name, root, run) => {
      await run('runc', ['--root', root, 'delete', '--force', name], { timeoutMs: DELETE_TIMEOUT_MS });
    },
    startCommand: (command) => command,
    keepsMemory: false,
  };
}
