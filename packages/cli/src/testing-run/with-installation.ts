import { createServer } from 'node:net';
import { join } from 'node:path';
import type { CliContext } from '../context.ts';
import { makeTestFolder, removeLeftFolders, removeTestFolder } from './test-folder.ts';

/**
 * Runs work with an installation of its own (data, port), and takes all of it off the machine afterwards, also after
 * a failure or Ctrl-C; what a run that was killed has left is removed before. `env` is what its processes are started
 * with; `BANATA_TEST_FOLDER` in it is a scratch folder, in which tests make further installations and whatever else.
 */
export async function withInstallation<T>(
  context: CliContext,
  name: 'test' | 'bench',
  work: (env: Record<string, string | undefined>) => Promise<T>,
): Promise<T> {
  await removeLeftFolders(context);
  const folder = await makeTestFolder(name);
  const env = {
    ...context.env,
    BANATA_HOME: join(folder, 'home'),
    BANATA_PORT: String(await freePort()),
    BANATA_PUBLIC_URL: undefined,
    BANATA_POOL_GIB: context.env['BANATA_POOL_GIB'] ?? '12',
    BANATA_TEST_FOLDER: folder,
    TMPDIR: join(folder, 'tmp'),
    // The run starts a server a hundred times, and half of what that takes is reading the same sources.
    NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
    DATABASE_URL: undefined,
  };
  try {
    return await work(env);
  } finally {
    await context.output.step('Taking the run off the machine', () => removeTestFolder(context, folder));
  }
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
