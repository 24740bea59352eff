import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createQuotaDisk, type QuotaDisk } from './quota-disk.ts';

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
  /** Default: runc. With gVisor, a box has no limits but those its daemon knows. */
  runtime?: 'runc' | 'runsc';
  /** Default: none. */
  memoryBytes?: number;
  /** Default 256: small, so that a test of a fork bomb does not take the machine from others. */
  pids?: number;
  /** Size of a disk of its own for what the box writes, held to it by a btrfs quota as a driver's. Default: the host's. */
  diskBytes?: number;
}

/** Starts a box with the capabilities that a driver gives. Needs root and the runtime. */
export async function startImageBox(options: ImageBoxOptions): Promise<ImageBox> {
  const directory = await mkdtemp(join(tmpdir(), 'banata-image-box-'));
  const name = `banata-test-${randomBytes(6).toString('hex')}`;
  const token = randomBytes(24).toString('hex');
  const port = await freePort();
  const program = options.runtime ?? 'runc';
  const flags = program === 'runsc' ? ['--network=host', '--overlay2=none', '--platform=systrap'] : [];
  const runtime = (...args: string[]): Promise<unknown> =>
    run(program, [...flags, '--root', join(directory, 'runc'), ...args], { timeout: TIMEOUT_MS });
  const root = join(directory, 'root');
  const log = join(directory, 'log');
  let disk: QuotaDisk | undefined;
  const close = async (): Promise<void> => {
    await runtime('delete', '--force', name).catch(() => undefined);
    await run('umount', ['-l', root]).catch(() => undefined);
    await disk?.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    for (const part of ['root', 'secrets', 'runc']) await mkdir(join(directory, part));
    disk = options.diskBytes === undefined ? undefined : await createQuotaDisk(directory, options.diskBytes);
    const writable = disk?.path ?? directory;
    for (const part of ['upper', 'work']) await mkdir(join(writable, part));
    await chmod(directory, 0o755);
    const boot = { token, port, protocolVersion: 1 };
    await writeFile(join(directory, 'secrets/boxd.json'), JSON.stringify(boot), { mode: 0o600 });
    const spec = buildSpec(options, { root, secrets: join(directory, 'secrets'), name });
    await writeFile(join(directory, 'config.json'), JSON.stringify(spec));
    const overlay = [
      `lowerdir=${options.layers.join(':')}`,
      `upperdir=${join(writable, 'upper')}`,
      `workdir=${join(writable, 'work')}`,
    ];
    await run('mount', ['-t', 'overlay', 'overlay', '-o', overlay.join(','), root]);
    const startedAt = performance.now();
    await startDetached([program, ...flags], { directory, name, log });
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
        const { stdout } = await run(program, [
          '--root',
          join(directory, 'runc'),
          'ps',
          '-format',
          'json',
          name,
        ]);
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
async function startDetached(
  runtime: string[],
  { directory, name, log }: { directory: string; name: string; log: string },
): Promise<void> {
  const output = await open(log, 'w');
  try {
    const command = `root=$0 name=$1 log=$2; shift 2
      exec "$@" --root "$root/runc" run --detach --bundle "$root" "$name" >"$log" 2>&1 </dev/null`;
    await run('/bin/sh', ['-c', command, directory, name, log, ...runtime], { timeout: TIMEOUT_MS });
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

function buildSpec(
  { boxDirectory, runtime, memoryBytes, pids = 256 }: ImageBoxOptions,
  { root, secrets, name }: { root: string; secrets: string; name: string },
): object {
  const capabilities = { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES };
  // What gVisor's kernel itself takes on the host, as the driver has it.
  const [ownBytes, ownThreads, each] = runtime === 'runsc' ? [512 * 1024 * 1024, 512, 3] : [0, 0, 1];
  const share = runtime === 'runsc' ? 9 / 8 : 1;
  const memory = memoryBytes === undefined ? undefined : Math.round(memoryBytes * share) + ownBytes;
  const mount = (destination: string, type: string, source: string, mountOptions: string[]): object => ({
    destination,
    type,
    source,
    options: mountOptions,
  });
  const cgroup =
    runtime === 'runsc'
      ? []
      : [mount('/sys/fs/cgroup', 'cgroup', 'cgroup', ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'])];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ['/usr/bin/tini', '--', '/opt/banata/bin/boxd-init'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'],
      cwd: '/',
      capabilities,
      rlimits: runtime === 'runsc' ? [{ type: 'RLIMIT_NPROC', hard: pids, soft: pids }] : [],
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
      ...cgroup,
      mount('/dev/shm', 'tmpfs', 'shm', ['nosuid', 'nodev', 'mode=1777']),
      mount('/run', 'tmpfs', 'tmpfs', ['nosuid', 'nodev', 'mode=755']),
      mount('/run/banata', 'bind', secrets, ['bind', 'ro']),
      mount('/opt/banata', 'bind', boxDirectory, ['bind', 'ro']),
      mount('/etc/hosts', 'bind', '/etc/hosts', ['bind', 'ro']),
      mount('/etc/resolv.conf', 'bind', '/etc/resolv.conf', ['bind', 'ro']),
    ],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type })),
      cgroupsPath: `/${name}`,
      resources: {
        pids: { limit: pids * each + ownThreads },
        ...(memory === undefined ? {} : { memory: { limit: memory, swap: memory } }),
      },
    },
  };
}
