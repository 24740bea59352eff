import { readFile } from 'node:fs/promises';
import type { Config } from '@banata/config';

/** What the server says about itself once it listens. */
export interface ServerInfo {
  pid: number;
  apiUrl: string;
  appUrl: string;
  /** Epoch ms. */
  startedAt: number;
  version: string;
}

/** The running server of this installation; undefined when there is none. */
export async function findServer(config: Config): Promise<ServerInfo | undefined> {
  const info = await readInfo(config.paths.serverInfo);
  return info && (await isServer(info.pid)) ? info : undefined;
}

async function readInfo(path: string): Promise<ServerInfo | undefined> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as Partial<ServerInfo>;
    return typeof value.pid === 'number' && typeof value.apiUrl === 'string'
      ? (value as ServerInfo)
      : undefined;
  } catch {
    // Missing, or being written at this moment.
    return undefined;
  }
}

/** Whether a process lives and is a server: its pid may belong to somebody else by now. */
export async function isServer(pid: number): Promise<boolean> {
  const [command, status] = await Promise.all([
    readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
    readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
  ]);
  const isZombie = status.slice(status.lastIndexOf(')') + 2).startsWith('Z');
  return command.includes('packages/server/src/main.ts\0serve') && !isZombie;
}

/** The first API key of the installation. */
export async function readApiKey(config: Config): Promise<string> {
  return (await readFile(config.paths.apiKey, 'utf8')).trim();
}

/** Where this machine reaches the server; its public URL may lead to a proxy elsewhere. */
export function localUrl(config: Config, info: ServerInfo): string {
  const { host, port } = config.listen;
  if (config.publicUrl === undefined || port === 0) return info.apiUrl;
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
