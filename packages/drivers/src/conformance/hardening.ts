import { release } from 'node:os';

import { expect, test } from 'vitest';

import type { Workbench } from './workbench.ts';

/** What Python prints after it tried a call: `allowed`, or the name of the error. */
function attempt(call: string): string {
  return `python3 - <<'E'
import ctypes, errno, fcntl, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def number(x86, arm):
    return x86 if os.uname().machine == 'x86_64' else arm
def syscall(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), '')
try:
    ${call}
    print('allowed')
except OSError as error:
    print(errno.errorcode.get(error.errno, error.errno))
E`;
}

/** Calls to the host's kernel that a box must not make, with numbers for x86-64 and arm64 programs alike. */
const REFUSED_CALLS: Record<string, string> = {
  'a subvolume in /workspace, which no quota would hold':
    'fcntl.ioctl(os.open("/workspace", os.O_RDONLY), 0x5000940e, bytearray(8) + b"sub" + bytearray(4085))',
  'a look at the layout of the disk':
    'fcntl.ioctl(os.open("/workspace", os.O_RDONLY), 0x8400941f, bytes(1024))',
  'a socket to the host by AF_VSOCK': 'socket.socket(40, socket.SOCK_STREAM)',
  'the crypto interface of the kernel': 'socket.socket(38, socket.SOCK_SEQPACKET)',
  'raw packets': 'socket.socket(socket.AF_PACKET, socket.SOCK_RAW)',
  'the netfilter interface': 'socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)',
};

/** Calls that gVisor answers by itself, and that are refused where the host's kernel would answer them. */
const REFUSED_BY_HOST_KERNEL: Record<string, string> = {
  'keys of the kernel': 'syscall(number(250, 219), 0, -3, 0)',
  'a file opened by its number': 'syscall(number(304, 265), -100, bytes(16), 0)',
  'a look at what the processor counts': 'syscall(number(298, 241), bytes(128), 0, -1, -1, 0)',
  'a ring of calls': 'syscall(number(425, 425), 8, bytes(120))',
};

/** Calls that ordinary programs make. */
const ALLOWED_CALLS: Record<string, string> = {
  'a copy that shares its blocks':
    'os.system("head -c 8192 /dev/urandom >/workspace/a; sync /workspace/a"); ' +
    'fcntl.ioctl(os.open("/workspace/b", os.O_WRONLY | os.O_CREAT), 0x40049409, os.open("/workspace/a", os.O_RDONLY))',
  'the size of a terminal': 'os.get_terminal_size(os.openpty()[1])',
  'a list of addresses': 'socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)',
  'a connection within the box': 'socket.socketpair()',
};

/** Files that tell of the host rather than of the box. */
const HOST_FILES = [
  '/proc/cmdline',
  '/proc/partitions',
  '/proc/modules',
  '/proc/kallsyms',
  '/proc/kcore',
  '/proc/keys',
  '/proc/fs/*/*',
  '/sys/devices/virtual/block/*',
  '/sys/devices/virtual/dmi/id/*',
  '/sys/fs/btrfs/*',
  '/sys/kernel/*',
];

/** The part of the host's kernel that a box can see and ask. */
export function describeHardening(bench: Workbench): void {
  test.each(Object.entries(REFUSED_CALLS))('refuses %s', async (_, call) => {
    const box = await bench.createBox(await bench.startDriver());
    expect(await bench.output(box, attempt(call))).toMatch(
      /^(EPERM|EACCES|ENOTTY|EAFNOSUPPORT|EPROTONOSUPPORT|EINVAL)$/,
    );
  });

  test('lets nobody at the seldom used parts of the host’s kernel', async () => {
    const box = await bench.createBox(await bench.startDriver());
    const ofHost = bench.subject.isolation === 'container';
    expect(await bench.output(box, 'uname -r')).toBe(ofHost ? release() : '4.4.0');
    for (const [name, call] of Object.entries(ofHost ? REFUSED_BY_HOST_KERNEL : {})) {
      expect.soft(await bench.output(box, attempt(call)), name).toBe('EPERM');
    }
  });

  test('allows what ordinary programs do', async () => {
    const box = await bench.createBox(await bench.startDriver());
    for (const [name, call] of Object.entries(ALLOWED_CALLS)) {
      // gVisor has no copies that share blocks; programs fall back to plain ones.
      const expected =
        bench.subject.isolation === 'gvisor' && name.startsWith('a copy') ? 'ENOTTY' : 'allowed';
      expect.soft(await bench.output(box, attempt(call)), name).toBe(expected);
    }
  });

  test('shows nothing of the host', async () => {
    const box = await bench.createBox(await bench.startDriver());
    // gVisor makes up what it shows there.
    if (bench.subject.isolation === 'container') {
      for (const file of HOST_FILES) {
        expect.soft(await bench.output(box, `cat ${file} 2>/dev/null | head -c 100`), file).toBe('');
      }
    }
    expect(await bench.output(box, 'cat /proc/self/cgroup | cut -d: -f3 | sort -u')).toBe('/');
    expect(await bench.output(box, 'env | cut -d= -f1 | grep -vE "^(PATH|HOME|LANG|PWD|SHLVL|_)$"')).toBe('');
    expect(await bench.output(box, 'ps -e -o pid= | wc -l')).toMatch(/^\d$/);
  });
}
