import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findImage } from '@banata/image';
import type { CliContext } from '../context.ts';
import { clientFor } from '../connect.ts';
import { formatMs } from '../output.ts';
import { findOwner, type OwnerSignIn, ownerText } from '../server/owner-sign-in.ts';
import { findServer, localUrl, type ServerInfo } from '../server/server-info.ts';
import { imageSettings } from '../setup/prepare-image.ts';

/** What `status --json` prints. */
export interface StatusResult {
  server: (ServerInfo & { live: boolean; ready: boolean }) | null;
  database: { kind: 'embedded' | 'external'; running: boolean | null };
  /** Null when the server does not answer. */
  sandboxes: { count: number; more: boolean; byStatus: Record<string, number> } | null;
  image: { id: string } | null;
  /** Null before the first start, and once the password file is gone. */
  owner: OwnerSignIn | null;
  dataDir: string;
  cacheDir: string;
  versions: { banata: string; node: string };
}

export async function status(context: CliContext): Promise<void> {
  const { config, output } = context;
  const info = await findServer(config);
  const [live, ready, sandboxes, image, database, version, owner] = await Promise.all([
    info ? answers(`${localUrl(config, info)}/healthz`) : false,
    info ? answers(`${localUrl(config, info)}/readyz`) : false,
    info ? countSandboxes(context, info) : null,
    findImage(imageSettings(context)),
    databaseStatus(context),
    readVersion(context.root),
    findOwner(config),
  ]);
  const result: StatusResult = {
    server: info ? { ...info, live, ready } : null,
    database,
    sandboxes,
    image: image ? { id: image.id } : null,
    owner,
    dataDir: config.home,
    cacheDir: config.cache,
    versions: { banata: version, node: process.versions.node },
  };
  if (output.json) output.result(result);
  else describe(context, result);
}

async function answers(url: string): Promise<boolean> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}

async function countSandboxes(context: CliContext, info: ServerInfo): Promise<StatusResult['sandboxes']> {
  try {
    const client = await clientFor(context, info);
    const page = await client.list({ limit: 200, signal: AbortSignal.timeout(5_000) });
    const byStatus: Record<string, number> = {};
    for (const sandbox of page.data) byStatus[sandbox.status] = (byStatus[sandbox.status] ?? 0) + 1;
    return { count: page.data.length, more: page.nextCursor !== null, byStatus };
  } catch {
    return null;
  }
}

async function databaseStatus({ config }: CliContext): Promise<StatusResult['database']> {
  if (config.databaseUrl !== undefined) return { kind: 'external', running: null };
  // The first line of PostgreSQL's lock file is its pid.
  const text = await readFile(join(config.paths.postgres, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  const command = pid > 0 ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : '';
  return { kind: 'embedded', running: command.includes('postgres') };
}

async function readVersion(root: string): Promise<string> {
  return (JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

function describe({ output }: CliContext, result: StatusResult): void {
  const { server, sandboxes } = result;
  output.say(`Banata ${result.versions.banata} on Node ${result.versions.node}`);
  if (server) {
    const state = server.ready ? 'ready' : server.live ? 'running, not ready' : 'does not answer';
    const age = formatMs(Date.now() - server.startedAt);
    output.say(`  Server     ${state}, pid ${server.pid}, up for ${age}`);
    output.say(`  API        ${server.apiUrl}`);
    output.say(`  Dashboard  ${server.appUrl}`);
  } else output.say('  Server     stopped (start it with ./banata up)');
  if (result.owner) output.say(`  Sign in    ${ownerText(result.owner)}`);
  output.say(`  Database   ${databaseText(result.database)}`);
  if (sandboxes) {
    const kinds = Object.entries(sandboxes.byStatus).map(([name, count]) => `${count} ${name}`);
    output.say(
      `  Sandboxes  ${sandboxes.count}${sandboxes.more ? ' and more' : ''}${kinds.length ? ` (${kinds.join(', ')})` : ''}`,
    );
  } else output.say('  Sandboxes  unknown while the server does not answer');
  output.say(`  Image      ${result.image ? result.image.id : 'not built yet (./banata up builds it)'}`);
  output.say(`  Data       ${result.dataDir}, cache ${result.cacheDir}`);
}

function databaseText(database: StatusResult['database']): string {
  if (database.kind === 'external') return 'external (DATABASE_URL)';
  return database.running ? 'embedded PostgreSQL, running' : 'embedded PostgreSQL, stopped';
}
