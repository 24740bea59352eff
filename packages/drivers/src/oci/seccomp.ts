/**
 * System calls that boxes may make, by purpose. Whatever is not named answers EPERM. The choice follows the default
 * profile of Docker (docs.docker.com/engine/security/seccomp), for 64-bit programs and without what needs capabilities
 * that boxes do not have.
 */
const ALLOWED: Record<string, string> = {
  files: `access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
    fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync flock fstat fstatfs fsync
    ftruncate futimesat getcwd getdents getdents64 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
    lchown link linkat lseek lstat mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64
    preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir
    sendfile splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink unlinkat
    utime utimensat utimes vmsplice write writev`,
  attributes: `fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat
    llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat`,
  asynchronousIo: `epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
    eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit poll ppoll pselect6 select
    signalfd signalfd4`,
  memory: `brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mprotect
    mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages`,
  network: `accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg
    sendmsg sendto setsockopt shutdown socketpair`,
  processes: `execve execveat exit exit_group fork getpgid getpgrp getpid getppid getpriority getrlimit getrusage getsid
    gettid kill pause pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease process_vm_readv process_vm_writev
    ptrace restart_syscall setpgid setpriority setrlimit setsid tgkill tkill vfork wait4 waitid`,
  identity: `capget capset getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid setgid setgroups
    setregid setresgid setresuid setreuid setuid`,
  signals: `rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_tgsigqueueinfo sigaltstack`,
  interProcess: `mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd pipe
    pipe2 semctl semget semop semtimedop shmat shmctl shmdt shmget`,
  threads: `arch_prctl futex futex_requeue futex_wait futex_waitv futex_wake get_robust_list get_thread_area getcpu
    modify_ldt rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield set_robust_list set_thread_area set_tid_address`,
  time: `adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep
    setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create
    timerfd_gettime timerfd_settime times`,
  system: `chroot getrandom ioprio_get ioprio_set sysinfo uname`,
  confinement: `landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp`,
};

/** Every CLONE_NEW… flag that makes a namespace (linux/sched.h). */
const CLONE_NAMESPACE_FLAGS = 0x7e02_0000;
const ENOSYS = 38;
/** Kinds of sockets (linux/socket.h): none in particular, of the box itself, IPv4, IPv6. */
const SOCKET_FAMILIES = { AF_UNSPEC: 0, AF_UNIX: 1, AF_INET: 2, AF_INET6: 10 };
const AF_NETLINK = 16;
const NETLINK_AUDIT = 9;
const EPROTONOSUPPORT = 93;
/** Parts of the kernel that netlink reaches (linux/netlink.h): addresses and routes, sockets, news of devices. */
const NETLINK_PROTOCOLS = { NETLINK_ROUTE: 0, NETLINK_SOCK_DIAG: 4, NETLINK_KOBJECT_UEVENT: 15 };
/** The byte of an ioctl's number that says whose it is, and its value for btrfs (linux/btrfs.h). */
const IOCTL_TYPE_BITS = [0x8000, 0x4000, 0x2000, 0x1000, 0x0800, 0x0400, 0x0200, 0x0100];
const BTRFS_IOCTLS = 0x9400;
/** Numbers of btrfs that all file systems share: copies of files, or of parts, that take no space; FIDEDUPERANGE. */
const CLONE_IOCTLS = [0x4004_9409, 0x4020_940d, 0xc018_9436];
/** Personalities that change nothing a guest of another box could notice: Linux, and Linux with a few old quirks. */
const PERSONALITIES = [0x0, 0x0008, 0x2_0000, 0x2_0008, 0xffff_ffff];

interface SeccompArgument {
  index: number;
  value: number;
  valueTwo?: number;
  op: 'SCMP_CMP_EQ' | 'SCMP_CMP_MASKED_EQ';
}

interface SeccompRule {
  names: string[];
  action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  errnoRet?: number;
  args?: SeccompArgument[];
}

/** The `linux.seccomp` part of an OCI runtime configuration. */
export interface SeccompProfile {
  defaultAction: 'SCMP_ACT_ERRNO';
  defaultErrnoRet: number;
  architectures: string[];
  syscalls: SeccompRule[];
}

function allow(name: string, ...args: SeccompArgument[]): SeccompRule {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args };
}

function equals(index: number, value: number): SeccompArgument {
  return { index, value, op: 'SCMP_CMP_EQ' };
}

/**
 * All but those of btrfs: any user may make a subvolume, and what is in one of his own would not count for the box.
 * A filter has no "unequal in these bits", so each bit in which a number can differ from btrfs's is a rule.
 */
function ioctlRules(): SeccompRule[] {
  return [
    ...IOCTL_TYPE_BITS.map((bit) =>
      allow('ioctl', { index: 1, value: bit, valueTwo: ~BTRFS_IOCTLS & bit, op: 'SCMP_CMP_MASKED_EQ' }),
    ),
    ...CLONE_IOCTLS.map((number) => allow('ioctl', equals(1, number))),
  ];
}

/** Other families lead to seldom used and often broken parts of the kernel. */
function socketRules(): SeccompRule[] {
  return [
    ...Object.values(SOCKET_FAMILIES).map((family) => allow('socket', equals(0, family))),
    ...Object.values(NETLINK_PROTOCOLS).map((protocol) =>
      allow('socket', equals(0, AF_NETLINK), equals(2, protocol)),
    ),
    // As a kernel without auditing answers: useradd and others go on then, while EPERM makes them give up.
    {
      names: ['socket'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: EPROTONOSUPPORT,
      args: [equals(0, AF_NETLINK), equals(2, NETLINK_AUDIT)],
    },
  ];
}

/** The filter for boxes, for the architecture the host's own programs have. */
export function seccompProfile(architecture: NodeJS.Architecture): SeccompProfile {
  const names = Object.values(ALLOWED).flatMap((list) => list.split(/\s+/));
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    architectures: [architecture === 'arm64' ? 'SCMP_ARCH_AARCH64' : 'SCMP_ARCH_X86_64'],
    syscalls: [
      { names, action: 'SCMP_ACT_ALLOW' },
      allow('clone', { index: 0, value: CLONE_NAMESPACE_FLAGS, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
      // Its flags lie in memory that a filter cannot read; with this answer the C library falls back to clone.
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
      ...ioctlRules(),
      ...socketRules(),
      ...PERSONALITIES.map((value) => allow('personality', equals(0, value))),
    ],
  };
}
