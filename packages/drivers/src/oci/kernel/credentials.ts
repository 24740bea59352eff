import { declareCall } from './libc.ts';

/** _LINUX_CAPABILITY_VERSION_3 of linux/capability.h: two blocks of 32 capabilities. */
const CAPABILITY_VERSION = 0x20080522;

/** An id that setfsuid refuses, which makes it only tell the present one. */
const NO_ID = 0xffff_ffff;

const setfsuid = declareCall('setfsuid', 'unsigned int setfsuid(unsigned int id)');
const setfsgid = declareCall('setfsgid', 'unsigned int setfsgid(unsigned int id)');
const capget = declareCall('capget', 'int capget(void *header, void *data)');
const capset = declareCall('capset', 'int capset(void *header, void *data)');

/** setfsuid and setfsgid answer the former id and never fail, so the outcome is read back. */
function setFilesystemIds(id: number): void {
  setfsgid('', id);
  setfsuid('', id);
  if (setfsuid('', NO_ID) !== id || setfsgid('', NO_ID) !== id)
    throw new Error(`file system ids ${id} were refused`);
}

function raiseEffectiveCapabilities(): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION, 0);
  const data = Buffer.alloc(24);
  capget('own', header, data);
  for (const block of [0, 12]) data.writeUInt32LE(data.readUInt32LE(block + 4), block);
  capset('own', header, data);
}

/**
 * Runs `action` with the calling thread's file system ids set to `id`, all capabilities effective, and restores both.
 * `action` must be synchronous: the ids belong to the thread, and other work on it must not see them.
 *
 * An overlay keeps the credentials of whoever mounts it. Over idmapped layers these must be ids that the map knows, or
 * the kernel silently mounts it read-only.
 */
export function withFilesystemIds<T>(id: number, action: () => T): T {
  try {
    setFilesystemIds(id);
    raiseEffectiveCapabilities();
    return action();
  } finally {
    setFilesystemIds(0);
    raiseEffectiveCapabilities();
  }
}
