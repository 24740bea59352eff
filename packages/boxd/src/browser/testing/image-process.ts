import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const REPOSITORY = resolve(import.meta.dirname, '../../../../..');
const UNSHARE = [
  '--mount',
  '--pid',
  '--ipc',
  '--uts',
  '--fork',
  '--kill-child=KILL',
  '--propagation',
  'private',
];
const STOP_GRACE_MS = 8_000;

/** Mounts the image in a mount namespace of its own, which ends with the last process in it, and enters it. */
const ENTER = `
set -e
root=$1 layers=$2 repository=$3
shift 3
mount -t overlay overlay -o "lowerdir=$layers,upperdir=$root/upper,workdir=$root/work" "$root/merged"
cd "$root/merged"
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/shm dev/pts opt/repository
mount -t tmpfs -o mode=1777,size=512m tmpfs dev/shm
for device in null zero full random urandom tty; do
  : > "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mount --bind "$repository" opt/repository
mount -o remount,bind,ro opt/repository
exec chroot . /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin /usr/bin/tini -- "$@"
`;

/** A process tree in the sandbox image; shares the host's network. */
export interface ImageProcess {
  process: ChildProcess;
  /** Root of the image's tree, writable, as files the tree wrote; seen from the host. */
  upperDir: string;
  /** Ends its stdin, waits a moment, kills what is left, removes its files. */
  stop(): Promise<void>;
}

/** Starts `command` in the image; the repository is at /opt/repository. Needs root and BANATA_TEST_IMAGE_LAYERS. */
export async function startInImage(layers: string, command: string[]): Promise<ImageProcess> {
  const root = await mkdtemp('/var/tmp/banata-browser-test-');
  await Promise.all(['upper', 'work', 'merged'].map((name) => mkdir(join(root, name), { mode: 0o755 })));
  const child = spawn(
    'unshare',
    [...UNSHARE, 'sh', '-c', ENTER, 'sh', root, layers, REPOSITORY, ...command],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  return {
    process: child,
    upperDir: join(root, 'upper'),
    async stop() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await exited;
      clearTimeout(timer);
      await rm(root, { recursive: true, force: true });
    },
  };
}
