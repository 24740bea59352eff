import { mkdtemp, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBoxd, type Boxd } from '../boxd.ts';
import { createLogger } from '../logger.ts';
import type { Account, BoxEnvironment } from '../services.ts';

/** The daemon on the test's own machine, with ordinary accounts of it in the places of the image's. */
export interface HostBox {
  url: string;
  token: string;
  environment: BoxEnvironment;
  /** Log lines of the daemon. */
  log: string[];
  /** A request with the token. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends JSON and parses the JSON reply. */
  send(
    method: string,
    path: string,
    body: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
  /** Stops the daemon and starts it again on the same directories. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const token = 'test-token-0123456789-0123456789-0123456789';
const user: Account = { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent' };
const desktop: Account = { name: 'daemon', uid: 1, gid: 1, home: '/nonexistent' };
const root: Account = { name: 'root', uid: 0, gid: 0, home: '/root' };

/** Starts the daemon on the host. Needs root, as the daemon changes identity. */
export async function startHostBox(): Promise<HostBox> {
  const directory = await mkdtemp(join(tmpdir(), 'banata-boxd-'));
  await chmod(directory, 0o755);
  const environment: BoxEnvironment = {
    accounts: { root, desktop, user },
    stateDir: join(directory, 'state'),
    runDir: join(directory, 'run'),
    installDir: join(directory, 'install'),
    workspace: join(directory, 'workspace'),
    path: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  };
  const log: string[] = [];
  const config = {
    boot: { token, port: 0, protocolVersion: 1 },
    environment,
    commandBase: {},
    filesWorkerScript: fileURLToPath(new URL('../files/worker-main.ts', import.meta.url)),
    programs: {
      supervisor: fileURLToPath(new URL('../../box/bin/banata-supervise', import.meta.url)),
      kernels: {
        node: [
          process.execPath,
          '--disable-warning=ExperimentalWarning',
          fileURLToPath(new URL('../code/contexts/node-kernel-main.ts', import.meta.url)),
        ] as const,
        python: [
          '/usr/bin/python3',
          fileURLToPath(new URL('../../box/bin/banata-python-kernel', import.meta.url)),
        ] as const,
      },
      documents: [
        fileURLToPath(new URL('../../box/bin/banata-convert', import.meta.url)),
        '--serve',
      ] as const,
    },
  };
  const start = (): Promise<Boxd> => startBoxd(config, createLogger({ write: (line) => log.push(line) }));
  let boxd = await start();
  const send: HostBox['send'] = async (method, path, body) => {
    const response = await box.fetch(path, {
      method,
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const box: HostBox = {
    url: `http://127.0.0.1:${boxd.port}`,
    token,
    environment,
    log,
    send,
    fetch: (path, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set('authorization', `Bearer ${token}`);
      return fetch(box.url + path, { ...init, headers });
    },
    restart: async () => {
      await boxd.stop();
      boxd = await start();
      box.url = `http://127.0.0.1:${boxd.port}`;
    },
    close: async () => {
      await boxd.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return box;
}
