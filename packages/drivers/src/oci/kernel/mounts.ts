import { closeSync, openSync } from 'node:fs';

import { declareCall, KernelError } from './libc.ts';

/*
 * The C library's names for these exist only from glibc 2.36 on, so they go through syscall(2). The numbers are the
 * same on x86-64 and arm64 (Linux, include/uapi/asm-generic/unistd.h).
 */
const SYS_OPEN_TREE = 428;
const SYS_MOVE_MOUNT = 429;
const SYS_MOUNT_SETATTR = 442;

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOUNT_ATTR_RDONLY = 0x1n;
const MOUNT_ATTR_NOSUID = 0x2n;
const MOUNT_ATTR_NODEV = 0x4n;
const MOUNT_ATTR_IDMAP = 0x100000n;
const MS_BIND = 0x1000;
const MS_PRIVATE = 1 << 18;
const UMOUNT_NOFOLLOW = 8;
const MNT_DETACH = 2;

const openTree = declareCall(
  'open_tree',
  'long syscall(long nr, long fd, const char *path, unsigned long flags)',
);
const mountSetattr = declareCall(
  'mount_setattr',
  'long syscall(long nr, long fd, const char *path, unsigned long flags, void *attr, unsigned long size)',
);
const moveMount = declareCall(
  'move_mount',
  'long syscall(long nr, long from, const char *fromPath, long to, const char *toPath, unsigned long flags)',
);
const nativeMount = declareCall(
  'mount',
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
const nativeUmount = declareCall('umount2', 'int umount2(const char *target, int flags)');

export interface CloneOptions {
  /** File that pins the user namespace whose map the clone shows its ids through. */
  userNamespace: string;
  readOnly?: boolean;
}

/**
 * Shows `source` at `target` as a mount of its own, with the ids on disk mapped through a user namespace: id 0 on disk
 * is the namespace's root. Device files and setuid bits have no effect below `target`.
 * @throws {@link KernelError}; nothing stays mounted then.
 */
export function mountIdmapped(source: string, target: string, options: CloneOptions): void {
  const namespace = openSync(options.userNamespace, 'r');
  let tree = -1;
  try {
    tree = openTree(source, SYS_OPEN_TREE, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    const attributes = Buffer.alloc(32);
    const readOnly = options.readOnly === true ? MOUNT_ATTR_RDONLY : 0n;
    attributes.writeBigUInt64LE(MOUNT_ATTR_IDMAP | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | readOnly, 0);
    attributes.writeBigUInt64LE(BigInt(namespace), 24);
    mountSetattr(source, SYS_MOUNT_SETATTR, tree, '', AT_EMPTY_PATH, attributes, attributes.length);
    moveMount(target, SYS_MOVE_MOUNT, tree, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
  } finally {
    if (tree >= 0) closeSync(tree);
    closeSync(namespace);
  }
}

/** Mounts a file system by its name. Acts with the calling thread's file system ids. */
export function mountFilesystem(type: string, target: string, data: string): void {
  nativeMount(`${type} at ${target}`, type, target, type, 0, data);
}

/** Bind mount of one file or folder, without the mounts below it. */
export function mountBind(source: string, target: string): void {
  nativeMount(`${source} at ${target}`, source, target, null, MS_BIND, null);
}

/** Stops mounts below `target` from spreading to other mount namespaces. `target` must be a mount point. */
export function makePrivate(target: string): void {
  nativeMount(`private ${target}`, null, target, null, MS_PRIVATE, null);
}

/**
 * Takes the topmost mount off `target`; processes that still use it keep it until they end.
 * @returns false when nothing was mounted there.
 */
export function unmount(target: string): boolean {
  try {
    nativeUmount(target, target, MNT_DETACH | UMOUNT_NOFOLLOW);
    return true;
  } catch (error) {
    if (error instanceof KernelError && (error.errno === 'EINVAL' || error.errno === 'ENOENT')) return false;
    throw error;
  }
}
