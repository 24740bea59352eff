import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
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
 * a failure or Ctrl-C. `env` is what its processes are started with; `BANATA_TEST_FOLDER` in it is a scratch folder, in
 * which tests make further installations.
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
    await removeInstallations(context, env, folder);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Also those that a test made in the scratch folder and, being killed, did not remove. */
async function removeInstallations(
  context: CliContext,
  env: CliContext['env'],
  folder: string,
): Promise<void> {
  // The signal that stopped the work must not stop the tidying.
  const { signal } = new AbortController();
  for (const name of await readdir(folder)) {
    const home = join(folder, name);
    const ownEnv = { ...env, BANATA_HOME: home };
    const own = { ...context, signal, env: ownEnv, config: loadConfig(ownEnv) };
    const contents = await readdir(home).catch((): string[] => []);
    if (contents.includes('postgres') || contents.includes('oci')) await removeInstallation(own, name);
  }
}

async function removeInstallation(context: CliContext, name: string): Promise<void> {
  await context.output.step(`Taking the installation "${name}" off the machine`, async () => {
    const server = await findServer(context.config);
    if (server) await endProcess(server.pid, STOP_LIMIT_MS);
    await runServerCommand(context, 'purge');
    await runServerCommand(context, 'stop-database');
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
