import { readFile } from 'node:fs/promises';

/** One line of /proc/self/mountinfo, as far as it is needed here. */
export interface MountEntry {
  mountPoint: string;
  type: string;
  source: string;
  options: string;
}

function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Parses the text of mountinfo (proc(5)); lines of another form are left out. */
export function parseMountTable(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const mountPoint = before.split(' ')[4];
    const [type, source, options] = after.split(' ');
    if (mountPoint === undefined || type === undefined || source === undefined) return [];
    return [{ mountPoint: unescape(mountPoint), type, source: unescape(source), options: options ?? '' }];
  });
}

/** The mounts this process sees, in the order in which they were made. */
export async function readMountTable(): Promise<MountEntry[]> {
  return parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
}
