import { boxConfigSchema } from '@banata/protocol/box';
import { request } from 'node:http';

/** A box that is configured at once has no time to rehearse; one that is kept warm has plenty. */
const AFTER_MS = 400;
/** By then V8 has compiled what a first command runs: with 3 rounds it takes the daemon a quarter more CPU time. */
const ROUNDS = 15;
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
    // Refused, as it says nothing: a box takes one configuration in its life.
    await call({ port, token }, 'PUT', '/config', {});
    if (isIdle())
      await call({ port, token }, 'POST', '/exec', { command: 'true', args: [], timeoutMs: TIMEOUT_MS });
  }
}

/** A call through the daemon's own front door; its outcome does not matter. */
function call(
  { port, token }: { port: number; token: string },
  method: string,
  path: string,
  body: object,
): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      timeout: TIMEOUT_MS,
    });
    outgoing.on('response', (reply) => reply.resume().on('close', resolve));
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve());
    outgoing.end(JSON.stringify(body));
  });
}
