import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Installation } from '../support/installation.ts';
import { boxProcesses } from './support/box-processes.ts';
import { securityCase } from './support/case.ts';
import { testedIsolation } from './support/isolation.ts';

/*
 * The checks of amicontained (capabilities, system calls, namespaces), deepce (sockets, mounts, devices, writable files
 * of the host) and CDK (cgroup release_agent, core_pattern, devices, procfs, ptrace, run-time files), written anew.
 */

const isolation = testedIsolation();
/** Capabilities by which root in a container becomes root on the host, or reaches other sandboxes. */
const DANGEROUS = {
  DAC_READ_SEARCH: 2,
  LINUX_IMMUTABLE: 9,
  NET_ADMIN: 12,
  NET_RAW: 13,
  IPC_LOCK: 14,
  SYS_MODULE: 16,
  SYS_RAWIO: 17,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
  SYS_BOOT: 22,
  SYS_NICE: 23,
  SYS_RESOURCE: 24,
  SYS_TIME: 25,
  MKNOD: 27,
  AUDIT_CONTROL: 30,
  MAC_OVERRIDE: 32,
  MAC_ADMIN: 33,
  SYSLOG: 34,
  PERFMON: 38,
  BPF: 39,
  CHECKPOINT_RESTORE: 40,
};

/**
 * What gVisor's kernel, which is a program of the box's own, does by itself where Linux refuses: keys, log and user
 * namespaces that it keeps within the box.
 */
const ANSWERED_BY_GVISOR = new Set(['keyctl', 'syslog', 'unshare user', 'unshare cgroup', 'clone user']);
const OWN_KERNEL = 'gVisor’s own kernel answers';

let installation: Installation;
let sandbox: Sandbox;

beforeAll(async () => {
  installation = await Installation.start();
  const banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  sandbox = await banata.launch();
  const probe = await readFile(new URL('support/syscalls.py', import.meta.url), 'utf8');
  await sandbox.fs.write('/workspace/syscalls.py', probe);
});

afterAll(() => installation?.remove());

type User = 'user' | 'root';

async function run(command: string, user: User = 'user'): Promise<string> {
  const { stdout, stderr } = await sandbox.exec(command, undefined, { user, timeout: 20_000 });
  return `${stdout}${stderr}`.trim();
}

/** Runs a command that must fail; resolves to what it said. */
async function refused(command: string, user: User = 'root'): Promise<string> {
  const { exitCode, stdout, stderr } = await sandbox.exec(command, undefined, { user, timeout: 20_000 });
  expect(exitCode, `${command} succeeded: ${stdout}`).not.toBe(0);
  return stderr || stdout || `exit code ${exitCode}`;
}

describe(`privileges (${isolation})`, () => {
  for (const user of ['user', 'root'] as const) {
    securityCase(`capabilities of ${user}`, async () => {
      const status = await run('grep -E "^Cap" /proc/self/status', user);
      const sets = [...status.matchAll(/^(Cap\w+):\s*([0-9a-f]+)$/gm)].map(([, name = '', hex = '']) => ({
        name,
        bits: BigInt(`0x${hex}`),
      }));
      expect(sets.length).toBeGreaterThanOrEqual(4);
      for (const { name, bits } of sets) {
        const held = Object.entries(DANGEROUS).filter(([, bit]) => (bits >> BigInt(bit)) & 1n);
        expect(held, `${name} of ${user}`).toEqual([]);
      }
      const effective = sets.find(({ name }) => name === 'CapEff')?.bits ?? 0n;
      if (user === 'user') expect(effective).toBe(0n);
      return `effective ${effective.toString(16)}`;
    });
  }

  securityCase('no new privileges, by a setuid copy of id that root made', async () => {
    await run('cp /usr/bin/id /workspace/setuid-id && chmod 4755 /workspace/setuid-id', 'root');
    const said = await run('/workspace/setuid-id -u; grep NoNewPrivs /proc/self/status');
    expect(said).toMatch(/^1000\b/);
    return said;
  });

  securityCase('no new privileges, by a setcap copy of python', async () => {
    const said = await run(
      'cp /usr/bin/python3 /tmp/p && setcap cap_sys_admin,cap_setuid+ep /tmp/p; su user -s /bin/sh -c "/tmp/p -c \'import os; os.setuid(0); print(os.getuid())\'"',
      'root',
    );
    expect(said).not.toMatch(/^0$/m);
    return said;
  });

  if (isolation === 'container') {
    securityCase('a seccomp filter is on', async () => {
      const said = await run('grep -E "^Seccomp:" /proc/self/status', 'root');
      expect(said).toMatch(/Seccomp:\s*2/);
      return said;
    });
  }

  securityCase('users of the host that the processes of the box run as', async () => {
    const processes = await boxProcesses(installation.instanceId);
    const uids = [...new Set(processes.flatMap(({ uids: all }) => all))];
    expect(processes.length).toBeGreaterThan(0);
    expect(uids.filter((uid) => uid < 65_536)).toEqual([]);
    return `${processes.length} processes as ${uids.sort((a, b) => a - b).join(', ')}`;
  });
});

describe(`system calls as root in the box (${isolation})`, () => {
  const calls = [
    ['add_key', 'keyctl', 'request_key', 'bpf', 'perf_event_open', 'io_uring_setup', 'userfaultfd'],
    ['init_module', 'finit_module', 'delete_module', 'kexec_load', 'reboot', 'swapon', 'iopl'],
    ['mount bind', 'umount2', 'pivot_root', 'open_tree', 'move_mount', 'mount_setattr', 'fsopen'],
    [
      'setns',
      'open_by_handle_at',
      'settimeofday',
      'clock_settime',
      'sethostname',
      'syslog',
      'acct',
      'quotactl',
    ],
    ['kcmp', 'mknod disk', 'mknod memory', 'mknod kmsg', 'raw socket', 'packet socket', 'vsock', 'netfilter'],
    [
      'mount tmpfs',
      'mount proc',
      'unshare user',
      'unshare mount',
      'unshare net',
      'unshare cgroup',
      'clone user',
    ],
  ].flat();
  for (const call of calls) {
    securityCase(call, async () => {
      const said = await run(`python3 /workspace/syscalls.py '${call}'`, 'root');
      if (isolation === 'gvisor' && ANSWERED_BY_GVISOR.has(call)) return `${said} (${OWN_KERNEL})`;
      expect(said).not.toContain('allowed');
      expect(said).toMatch(/^E[A-Z]+$/);
      return said;
    });
  }
});

describe(`proc, sys and cgroups (${isolation})`, () => {
  const writes = [
    '/proc/sys/kernel/core_pattern',
    '/proc/sys/kernel/modprobe',
    '/proc/sys/kernel/hostname',
    '/proc/sys/kernel/randomize_va_space',
    '/proc/sys/vm/overcommit_memory',
    '/proc/sys/vm/panic_on_oom',
    '/proc/sys/fs/binfmt_misc/register',
    ...(isolation === 'container' ? ['/proc/sysrq-trigger'] : []),
    '/proc/irq/0/smp_affinity',
    '/sys/kernel/uevent_helper',
    '/sys/kernel/mm/transparent_hugepage/enabled',
    '/sys/fs/cgroup/release_agent',
    '/sys/fs/cgroup/cgroup.procs',
    '/sys/fs/cgroup/memory/release_agent',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes',
    '/sys/fs/cgroup/devices/devices.allow',
    '/opt/banata/lib/boxd.cjs',
    '/run/banata/boxd.json',
  ];
  for (const path of writes) {
    securityCase(`write ${path} as root`, async () => {
      // What was there is written back, so that nothing changes where it is possible.
      return refused(
        `[ -e ${path} ] || { echo absent; exit 1; }; value=$(head -c 64 ${path} 2>/dev/null); printf '%s' "$value" > ${path}`,
      );
    });
  }

  const secrets: Record<string, RegExp> = {
    '/proc/kcore': /^0$/,
    '/proc/kallsyms': /^0$/,
    '/proc/keys': /^0$/,
    '/proc/timer_list': /^0$/,
    '/proc/sched_debug': /^0$/,
    '/proc/cmdline': /^0$|/,
    '/sys/firmware/dmi/tables/DMI': /^0$/,
    '/sys/kernel/debug': /^0$/,
    '/dev/mem': /^0$/,
    '/dev/kmsg': /^0$/,
  };
  for (const [path, expected] of Object.entries(secrets)) {
    securityCase(`read ${path} as root`, async () => {
      const bytes = await run(`timeout 5 head -c 4096 ${path} 2>/dev/null | wc -c`, 'root');
      expect(bytes).toMatch(expected);
      return `${bytes} bytes`;
    });
  }

  securityCase('make a cgroup as root (release_agent escape)', () =>
    // In the folder that holds the mounts a folder is only that; one with files of its own is a cgroup.
    refused(
      'for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir "$d/escape" && [ -e "$d/escape/cgroup.procs" ] && exit 0; done; rmdir /sys/fs/cgroup/escape; exit 1',
    ),
  );

  securityCase('mount a cgroup file system as root', () =>
    refused('mkdir -p /tmp/cg && mount -t cgroup -o rdma cgroup /tmp/cg'),
  );
});

describe(`devices, sockets and mounts (${isolation})`, () => {
  // The fuse of gVisor is its own kernel's.
  const PLAIN =
    isolation === 'gvisor'
      ? /^(fuse|full|null|zero|random|urandom|tty|ptmx|console|pts\/.*)$/
      : /^(full|null|zero|random|urandom|tty|ptmx|console|pts\/.*)$/;

  securityCase('device nodes in /dev', async () => {
    const nodes = (
      await run(
        'cd /dev; for f in * pts/*; do if [ ! -L "$f" ] && { [ -b "$f" ] || [ -c "$f" ]; }; then echo "$f"; fi; done',
        'root',
      )
    ).split('\n');
    expect(nodes.filter((node) => !PLAIN.test(node))).toEqual([]);
    return nodes.join(' ');
  });

  securityCase('block devices by number', () =>
    refused('test -b /dev/sda || test -b /dev/vda || test -b /dev/loop0'),
  );

  securityCase('sockets of container engines and of the host', async () => {
    const found = await run(
      'ls -d /var/run/docker.sock /run/docker.sock /run/containerd /run/crio /run/podman /run/dbus/system_bus_socket /run/systemd/private /run/netns /var/lib/docker 2>/dev/null; true',
      'root',
    );
    expect(found).toBe('');
    return 'none';
  });

  securityCase('listening sockets beside the platform’s own', async () => {
    const sockets = await run(
      'find / -xdev -type s 2>/dev/null; find /run /tmp /var -type s 2>/dev/null; true',
      'root',
    );
    const foreign = sockets
      .split('\n')
      .filter(
        (path) => path !== '' && !/^\/(run\/(boxd|banata)|tmp\/\.X11-unix|var\/lib\/banata)/.test(path),
      );
    expect(foreign).toEqual([]);
    return sockets || 'none';
  });

  securityCase('mounts that show the host', async () => {
    const mounts = await run('cat /proc/self/mountinfo', 'root');
    expect(mounts).not.toContain('docker');
    const targets = mounts.split('\n').map((line) => line.split(' ')[4] ?? '');
    const KNOWN =
      /^\/$|^\/(proc|sys|dev|run|workspace|opt\/banata|etc\/(hosts|hostname|resolv\.conf)|tmp|var)(\/|$)/;
    expect(targets.filter((target) => !KNOWN.test(target))).toEqual([]);
    // Only what is the box's own may be written to on file systems that have a disk behind them.
    const writableDisks = mounts
      .split('\n')
      .filter((line) => / rw[, ]/.test(line.split(' - ')[0] ?? '') && / - (ext4|xfs|btrfs) /.test(line))
      .map((line) => line.split(' ')[4]);
    expect(
      writableDisks.filter((path) => !/^\/(workspace|etc\/(hosts|hostname|resolv\.conf))$/.test(path ?? '')),
    ).toEqual([]);
    return `${targets.length} mounts, none of the host`;
  });

  securityCase('the folder of the installation in anything a box can read of its mounts', async () => {
    const mounts = await run('cat /proc/self/mountinfo /proc/mounts', 'root');
    expect(mounts).not.toContain(`${installation.home}/secret`);
    expect(mounts).not.toContain('server.log');
    return 'no file of the server';
  });
});

describe(`processes (${isolation})`, () => {
  securityCase('processes that root sees', async () => {
    const names = (await run("cat /proc/[0-9]*/comm | sort -u | tr '\\n' ' '", 'root')).trim();
    expect(names).not.toMatch(/\b(postgres|systemd|dockerd|containerd|runc|runsc|vitest|kthreadd)\b/);
    const count = Number(await run('ls -d /proc/[0-9]* | wc -l', 'root'));
    expect(count).toBeLessThan(40);
    return `${count}: ${names}`;
  });

  securityCase('the first process is the box’s own', async () => {
    const name = await run('cat /proc/1/comm', 'root');
    expect(name).toBe('tini');
    return name;
  });

  const daemon = '$(pgrep -o -f boxd.cjs)';
  for (const [what, command] of [
    [
      'ptrace',
      `python3 -c "import ctypes,sys; l=ctypes.CDLL(None); sys.exit(0 if l.ptrace(16, int(sys.argv[1]), 0, 0) == 0 else 1)" ${daemon}`,
    ],
    ['read the memory of', `head -c 1 /proc/${daemon}/mem`],
    ['kill', `kill -9 ${daemon}`],
    ['read the token of', 'cat /run/banata/boxd.json'],
  ] as const) {
    securityCase(`${what} the box’s daemon as user`, () => refused(command, 'user'));
  }

  securityCase('read the environment of the box’s daemon as user', async () => {
    const command = `tr '\\0' '\\n' < /proc/${daemon}/environ`;
    if (isolation === 'container') return refused(command, 'user');
    // gVisor shows it to every user of the box, so it has to hold nothing.
    const names = (await run(`${command} | cut -d= -f1`)).split('\n');
    expect(names.filter((name) => !/^(PATH|HOME|LANG|PWD|OLDPWD|SHLVL|_)$/.test(name))).toEqual([]);
    return `gVisor shows ${names.join(', ')}`;
  });

  securityCase('read the files that the box’s daemon has open as user', async () => {
    const command = `ls /proc/${daemon}/fd`;
    if (isolation === 'container') return refused(command, 'user');
    // gVisor lists them to every user of the box; the daemon keeps no file with a secret open.
    const said = await run(
      `for f in /proc/${daemon}/fd/*; do timeout 1 head -c 100000 "$f" 2>/dev/null | grep -acE '"token"|"apiKey"'; done | grep -v '^0$'; true`,
    );
    expect(said).toBe('');
    return 'gVisor lists them; none holds a secret';
  });

  securityCase('open files that commands inherit', async () => {
    for (const user of ['user', 'root'] as const) {
      const fds = await run(
        'python3 -c \'import os; print(*sorted(int(f) for f in os.listdir("/proc/self/fd")))\'',
        user,
      );
      // The fourth is the listing itself.
      expect(fds).toMatch(/^0 1 2 \d+$/);
    }
    return '0, 1 and 2 only';
  });

  securityCase('folders that the first process holds open (CVE-2024-21626)', async () => {
    const folders = await run(
      'for f in /proc/[0-9]*/fd/*; do [ -d "$f" ] && readlink "$f"; done; true',
      'root',
    );
    const leaked = folders.split('\n').filter((path) => path !== '' && !/^\/(workspace|proc)/.test(path));
    expect(leaked).toEqual([]);
    return folders || 'none';
  });

  securityCase('a working directory at an inherited descriptor', async () => {
    for (let fd = 3; fd < 20; fd += 1) {
      const reply = await sandbox
        .exec('pwd -P; ls -d ../../../../etc/shadow', undefined, { cwd: `/proc/self/fd/${fd}`, user: 'root' })
        .catch((error: unknown) => ({ stdout: '', stderr: String(error) }));
      expect(reply.stdout).not.toMatch(/cgroup|unreachable/);
    }
    return '17 descriptors, none leads out';
  });

  securityCase('the root of the first process is the box’s root', async () => {
    const said = await run(
      'stat -c %i / /proc/1/root/ | sort -u | wc -l; cat /proc/1/root/etc/hostname',
      'root',
    );
    expect(said.split('\n')[0]).toBe('1');
    return said;
  });

  securityCase('environment of the first process', async () => {
    const environment = await run("tr '\\0' '\\n' < /proc/1/environ", 'root');
    expect(environment.split('\n').every((line) => /^(PATH|HOME|LANG|container|HOSTNAME)=/.test(line))).toBe(
      true,
    );
    return environment;
  });
});
