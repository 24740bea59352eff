import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { DockerEngine } from './docker-engine.ts';
import { run } from './run.ts';

export interface BaseImageOptions {
  /** Folder of the checkout. */
  root: string;
  signal: AbortSignal;
  progress: (note: string) => void;
}

/** Gives Docker the file tree of the sandbox image's lowest layer as an image. */
export async function importBase(
  engine: DockerEngine,
  name: string,
  options: BaseImageOptions,
): Promise<void> {
  options.progress('docker: importing the file tree');
  const tar = spawn('tar', ['-C', await baseTree(options), '--numeric-owner', '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await engine.importImage(tar.stdout, name);
}

async function baseTree(options: BaseImageOptions): Promise<string> {
  const base = (await imageLayers(options)).at(-1);
  if (base === undefined) throw new Error('The sandbox image has no layers');
  return base;
}

/** Folders of the sandbox image, topmost first. */
export async function imageLayers({ root, signal }: BaseImageOptions): Promise<string[]> {
  const reply = await run(join(root, 'banata'), ['image', 'build', '--json'], {
    signal,
    timeoutMs: 45 * 60_000,
  });
  return (JSON.parse(reply) as { layers: string[] }).layers;
}
