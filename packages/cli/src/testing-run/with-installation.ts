import { access, chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { loadConfig } from '@banata/config';
import type { CliContext } from '../context.ts';
import { findServer } from '../server/server-info.ts';
import { runServerCommand } from '../server/server-command.ts';
import { endProcess } from '../server/stop-server.ts';

/** All users may enter the folders above. */
const PARENT = '/var/lib';
const STOP_LIMIT_MS = 20_000;

/**
 * Runs work with an installation of its own (data, port), and takes all of it off the machine afterwards, also after
 * a failure or Ctrl-C. `env` is what its processes are started with; `BANATA_TEST_FOLDER` in it is a scratch folder.
 */
export async function withInstallation<T>(
  context: CliContext,
  name: string,
  work: (env: Record<string, string | undefined>) => Promise<T>,
): Promise<T> {
  await mkdir(PARENT, { recursive: true });
  const folder = await mkdtemp(join(PARENT, `banata-${name}-`));
  // The users of the database and of the boxes pass through it.
  await chmod(folder, 0o711);
  const env = {
    ...context.env,
    BANATA_HOME: join(folder, 'home'),
    BANATA_PORT: String(await freePort()),
    BANATA_PUBLIC_URL: undefined,
    BANATA_POOL_GIB: context.env['BANATA_POOL_GIB'] ?? '12',
    BANATA_TEST_FOLDER: folder,
    DATABASE_URL: undefined,
  };
  try {
    return await work(env);
  } finally {
    await removeInstallation({ ...context, env, config: loadConfig(env) });
    await rm(folder, { recursive: true, force: true });
  }
}

async function removeInstallation(context: CliContext): Promise<void> {
  // The signal that stopped the work must not stop the tidying.
  const own = { ...context, signal: new AbortController().signal };
  const server = await findServer(own.config);
  if (server) await endProcess(server.pid, STOP_LIMIT_MS);
  const exists = await access(own.config.home).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  await own.output.step('Taking the test installation off the machine', async () => {
    await runServerCommand(own, 'purge');
    await runServerCommand(own, 'stop-database');
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('A listening server without a port');
  return address.port;
}
