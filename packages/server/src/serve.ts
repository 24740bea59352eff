import type { Config } from '@banata/config';
import { getRequestListener } from '@hono/node-server';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { compose } from './compose.ts';
import { Connections } from './connections.ts';
import { serveUpgrades } from './gateway/upgrades.ts';
import type { Logger } from './logger.ts';
import { version } from './version.ts';

/** What is under way when the server is to stop, such as a command, has this long to be answered. */
const STOP_TIMEOUT_MS = 10_000;

/**
 * Runs the server until `signal` aborts. Writes the first API key, the owner's password and, once it listens, where it does, to the files
 * that `config.paths` names; sandboxes go on running when it stops.
 */
export async function serve(config: Config, logger: Logger, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  let publicUrl = config.publicUrl ?? '';
  const composition = await compose(config, { logger, publicUrl: () => publicUrl });
  const handle = getRequestListener(composition.app.fetch);
  const { previews } = composition;
  const server = createServer((request, response) => {
    const label = previews.labelOf(request);
    void (label === undefined ? handle(request, response) : previews.handle(request, response, label));
  });
  // Uploads and held-open prompts take longer than Node's default of five minutes for a whole request.
  server.requestTimeout = 0;
  const connections = new Connections(server);
  serveUpgrades(server, composition.upgrades);
  try {
    await composition.firstStart(async ({ apiKey, owner }) => {
      if (apiKey !== undefined) await writeSecret(config.paths.apiKey, `${apiKey}\n`);
      if (owner) await writeSecret(config.paths.ownerPassword, `${owner.password}\n`);
    });
    const { port } = await listen(server, config.listen);
    publicUrl ||= `http://${urlHost(config.listen.host)}:${port}`;
    composition.startJobs();
    const info = { pid: process.pid, apiUrl: publicUrl, appUrl: publicUrl, startedAt: Date.now(), version };
    await writeSecret(config.paths.serverInfo, `${JSON.stringify(info)}\n`);
    logger.info(
      { event: 'server.ready', ...info, startupMs: Math.round(performance.now() - startedAt) },
      'server is ready',
    );
    await aborted(signal);
  } finally {
    logger.info({ event: 'server.stopping' }, 'server stops; sandboxes go on');
    await rm(config.paths.serverInfo, { force: true });
    composition.endStreams();
    await connections.close(STOP_TIMEOUT_MS);
    await composition.close();
  }
}

function listen(server: Server, { host, port }: Config['listen']): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        taken
          ? new Error(`Port ${port} on ${host} is taken. Set BANATA_PORT to a free one.`, { cause: error })
          : error,
      );
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

async function writeSecret(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  await writeFile(draft, content, { mode: 0o600 });
  await rename(draft, path);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
