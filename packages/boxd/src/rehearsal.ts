import { boxConfigSchema } from '@banata/protocol/box';
import { request } from 'node:http';

/** A box that is configured at once has no time to rehearse; one that is kept warm has plenty. */
const AFTER_MS = 400;
const ROUNDS = 3;
const TIMEOUT_MS = 5_000;

/**
 * Goes through the first steps of a box's life once while it waits to be used: what runs for the first time runs
 * several times slower, and a warm box should not spend its first caller's time on that.
 * @returns how to call it off.
 */
export function rehearseWhenIdle(options: {
  port: number;
  token: string;
  /** False once the box is in use. */
  isIdle: () => boolean;
}): () => void {
  const timer = setTimeout(() => {
    if (options.isIdle()) void rehearse(options);
  }, AFTER_MS);
  return () => clearTimeout(timer);
}

async function rehearse({ port, token, isIdle }: Parameters<typeof rehearseWhenIdle>[0]): Promise<void> {
  for (let round = 0; round < ROUNDS && isIdle(); round += 1) {
    boxConfigSchema.safeParse({ sandboxId: '', runtime: 'base', env: { A: '' }, browser: null, agent: null });
    await runNothing(port, token);
  }
}

/** A command through the daemon's own front door; its outcome does not matter. */
function runNothing(port: number, token: string): Promise<void> {
  return new Promise((resolve) => {
    const call = request({
      host: '127.0.0.1',
      port,
      path: '/exec',
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      timeout: TIMEOUT_MS,
    });
    call.on('response', (reply) => reply.resume().on('close', resolve));
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve());
    call.end(JSON.stringify({ command: 'true', timeoutMs: TIMEOUT_MS }));
  });
}
