import { spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { run } from './run.ts';

/** A Docker Engine of our own, beside any other on the machine. */
export interface DockerEngine extends AsyncDisposable {
  version: string;
  docker(args: readonly string[]): Promise<string>;
  /** Makes an image of the file tree in a tar. */
  importImage(tar: Readable, name: string): Promise<void>;
}

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 15_000;
const IMPORT_LIMIT_MS = 10 * 60_000;
const BRIDGE = 'bnbench0';
/** From the range for benchmarks of network devices (RFC 2544), which nothing else on a host uses. */
const BRIDGE_ADDRESS = '198.18.200.1/24';

/**
 * Starts `dockerd` with its own data, socket and bridge; it leaves the firewall alone (by default it sets the policy
 * of FORWARD to DROP for the whole machine).
 * @throws Error when it cannot run here.
 */
export async function startDocker(signal: AbortSignal): Promise<DockerEngine> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp('/var/lib/banata-bench-docker-');
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  await run('ip', ['link', 'add', BRIDGE, 'type', 'bridge'], { signal });
  undo.defer(async () => void (await run('ip', ['link', 'delete', BRIDGE], { signal: never() })));
  await run('ip', ['address', 'add', BRIDGE_ADDRESS, 'dev', BRIDGE], { signal });
  await run('ip', ['link', 'set', BRIDGE, 'up'], { signal });
  undo.use(await startDaemon(folder, signal));
  const env = { DOCKER_HOST: `unix://${folder}/docker.sock`, DOCKER_CONFIG: join(folder, 'config') };
  const docker = (args: readonly string[]): Promise<string> => run('docker', args, { env, signal });
  const version = await waitForEngine(docker, folder);
  const owned = undo.move();
  const importImage = async (tar: Readable, name: string): Promise<void> => {
    await run('docker', ['import', '-', name], { env, signal, input: tar, timeoutMs: IMPORT_LIMIT_MS });
  };
  return { version, docker, importImage, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function never(): AbortSignal {
  return new AbortController().signal;
}

async function startDaemon(folder: string, signal: AbortSignal): Promise<AsyncDisposable> {
  signal.throwIfAborted();
  await using log = await open(join(folder, 'dockerd.log'), 'a');
  const child = spawn(
    'dockerd',
    Object.entries({
      'data-root': join(folder, 'data'),
      'exec-root': join(folder, 'run'),
      pidfile: join(folder, 'pid'),
      host: `unix://${folder}/docker.sock`,
      bridge: BRIDGE,
      iptables: 'false',
      'ip-forward': 'false',
      'ip-masq': 'false',
      'userland-proxy': 'false',
    }).map(([name, value]) => `--${name}=${value}`),
    { stdio: ['ignore', log.fd, log.fd], detached: true },
  );
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await Promise.race([ended, sleep(STOP_LIMIT_MS)]);
      if (child.exitCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}

async function waitForEngine(docker: DockerEngine['docker'], folder: string): Promise<string> {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      return (await docker(['version', '--format', '{{.Server.Version}}'])).trim();
    } catch (error) {
      if (Date.now() < deadline) {
        await sleep(100);
        continue;
      }
      const log = await readFile(join(folder, 'dockerd.log'), 'utf8').catch(() => '');
      throw new Error(`dockerd does not run here: ${log.trim().split('\n').slice(-3).join(' | ')}`, {
        cause: error,
      });
    }
  }
}
