import { readFileSync } from 'node:fs';

/** Memory of the machine that the box sees, bytes. */
export interface MemoryInfo {
  totalBytes: number;
  availableBytes: number;
}

/** Parses /proc/meminfo (proc_meminfo(5)). Throws when it has not the expected lines. */
export function parseMemoryInfo(text: string): MemoryInfo {
  const bytes = (name: string): number => {
    const found = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text);
    if (!found) throw new Error(`/proc/meminfo has no line ${name}`);
    return Number(found[1]) * 1024;
  };
  return { totalBytes: bytes('MemTotal'), availableBytes: bytes('MemAvailable') };
}

/** The memory at this moment. */
export function readMemoryInfo(): MemoryInfo {
  return parseMemoryInfo(readFileSync('/proc/meminfo', 'utf8'));
}
