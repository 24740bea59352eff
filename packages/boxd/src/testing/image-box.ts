import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 20_000;

/** The built daemon in a container of the real image, on the host's network. */
export interface ImageBox {
  url: string;
  token: string;
  /** Milliseconds from the container's start to the first answer. */
  startMs: number;
  /** The box's `/`, as the host sees it. */
  root: string;
  /** A request with the token. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends JSON and parses the JSON reply. */
  send(
    method: string,
    path: string,
    body: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
  /** What the daemon logged. */
  log(): Promise<string>;
  /** Process ids of the box on the host. */
  processes(): Promise<number[]>;
  close(): Promise<void>;
}

export interface ImageBoxOptions {
  /** Root directories of the image's layers, top first. */
  layers: readonly string[];
  /** Built daemon, such as `boxDirectory`. */
  boxDirectory: string;
}

/** Starts a box with the capabilities that a driver gives. Needs root and runc. */
export async function startImageBox(options: ImageBoxOptions): Promise<ImageBox> {
  const directory = await mkdtemp(join(tmpdir(), 'banata-image-box-'));
  const name = `banata-test-${randomBytes(6).toString('hex')}`;
  const token = randomBytes(24).toString('hex');
  const port = await freePort();
  const runc = (...args: string[]): Promise<unknown> =>
    run('runc', ['--root', join(directory, 'runc'), ...args], { timeout: TIMEOUT_MS });
  const root = join(directory, 'root');
  const log = join(directory, 'log');
  const close = async (): Promise<void> => {
    await runc('delete', '--force', name).catch(() => undefined);
    await run('umount', ['-l', root]).catch(() => undefined);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    for (const part of ['root', 'upper', 'work', 'secrets', 'runc']) await mkdir(join(directory, part));
    await chmod(directory, 0o755);
    const boot = { token, port, protocolVersion: 1 };
    await writeFile(join(directory, 'secrets/boxd.json'), JSON.stringify(boot), { mode: 0o600 });
    const spec = buildSpec(root, join(directory, 'secrets'), options.boxDirectory, name);
    await writeFile(join(directory, 'config.json'), JSON.stringify(spec));
    const overlay = [
      `lowerdir=${options.layers.join(':')}`,
      `upperdir=${join(directory, 'upper')}`,
      `workdir=${join(directory, 'work')}`,
    ];
    await run('mount', ['-t', 'overlay', 'overlay', '-o', overlay.join(','), root]);
    const startedAt = performance.now();
    await startDetached(directory, name, log);
    const url = `http://127.0.0.1:${port}`;
    await waitHealthy(url);
    const startMs = performance.now() - startedAt;
    const box: ImageBox = {
      url,
      token,
      startMs,
      root,
      close,
      fetch: (path, init = {}) => {
        const headers = new Headers(init.headers);
        headers.set('authorization', `Bearer ${token}`);
        return fetch(url + path, { ...init, headers });
      },
      send: async (method, path, body) => {
        const headers = { 'content-type': 'application/json' };
        const response = await box.fetch(path, { method, body: JSON.stringify(body), headers });
        return { status: response.status, body: (await response.json()) as Record<string, unknown> };
      },
      log: async () => (await run('cat', [log])).stdout,
      processes: async () => {
        const { stdout } = await run('runc', ['--root', join(directory, 'runc'), 'ps', '-f', 'json', name]);
        // runc says null when there are none.
        return (JSON.parse(stdout) as number[] | null) ?? [];
      },
    };
    return box;
  } catch (error) {
    const text = await run('cat', [log]).then(
      ({ stdout }) => stdout,
      () => '',
    );
    await close();
    throw new Error(`The box did not start: ${text}`, { cause: error });
  }
}

// runc's child keeps the output it was given, so that must not be a pipe which is waited on.
async function startDetached(directory: string, name: string, log: string): Promise<void> {
  const output = await open(log, 'w');
  try {
    const command = `exec runc --root "$0/runc" run -d --bundle "$0" "$1" >"$2" 2>&1 </dev/null`;
    await run('/bin/sh', ['-c', command, directory, name, log], { timeout: TIMEOUT_MS });
  } finally {
    await output.close();
  }
}

async function waitHealthy(url: string): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1000) }).catch(
      () => undefined,
    );
    await response?.body?.cancel();
    if (response?.ok) return;
    if (performance.now() > deadline) throw new Error('The daemon did not answer in time');
    await sleep(5);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No port');
  return address.port;
}

const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'SETGID',
  'SETUID',
  'KILL',
  'NET_BIND_SERVICE',
].map((name) => `CAP_${name}`);

function buildSpec(root: string, secrets: string, boxDirectory: string, name: string): object {
  const capabilities = { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES };
  const mount = (destination: string, type: string, source: string, mountOptions: string[]): object => ({
    destination,
    type,
    source,
    options: mountOptions,
  });
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ['/usr/bin/tini', '--', '/opt/banata/bin/boxd-init'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'],
      cwd: '/',
      capabilities,
      noNewPrivileges: true,
    },
    root: { path: root, readonly: false },
    hostname: 'banata',
    mounts: [
      mount('/proc', 'proc', 'proc', ['nosuid', 'noexec', 'nodev']),
      mount('/dev', 'tmpfs', 'tmpfs', ['nosuid', 'mode=755']),
      mount('/dev/pts', 'devpts', 'devpts', [
        'nosuid',
        'noexec',
        'newinstance',
        'ptmxmode=0666',
        'mode=0620',
        'gid=5',
      ]),
      mount('/dev/shm', 'tmpfs', 'shm', ['nosuid', 'nodev', 'mode=1777']),
      mount('/run', 'tmpfs', 'tmpfs', ['nosuid', 'nodev', 'mode=755']),
      mount('/run/banata', 'bind', secrets, ['bind', 'ro']),
      mount('/opt/banata', 'bind', boxDirectory, ['bind', 'ro']),
      mount('/etc/hosts', 'bind', '/etc/hosts', ['bind', 'ro']),
      mount('/etc/resolv.conf', 'bind', '/etc/resolv.conf', ['bind', 'ro']),
    ],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      cgroupsPath: `/${name}`,
      // Small, so that a test of a fork bomb does not take the machine from others.
      resources: { pids: { limit: 256 } },
    },
  };
}
