import { chmod, cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boxDirectory } from '../index.ts';

/**
 * Copies the built daemon to a folder of its own, as others may build it anew while a box uses it. The caller removes
 * the folder.
 */
export async function copyDaemon(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'banata-daemon-'));
  await cp(boxDirectory, copy, { recursive: true });
  await chmod(copy, 0o755);
  return copy;
}
