import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BanataSandbox } from '@banata-boxes/sdk';
import { run } from './run.ts';

/** A running installation, driven from outside by the start script. */
export interface Installation extends AsyncDisposable {
  client: BanataSandbox;
  /** Address and key of the API, for plain HTTP. */
  api: { url: string; key: string };
  /** What the server measured of each step of making a box, ms. */
  serverTimings(sandboxId: string): Promise<Record<string, number>>;
}

interface UpReply {
  apiUrl: string;
  apiKey: string;
  dataDir: string;
}

/** Starts the installation that the environment names (`BANATA_HOME`, …), with the given settings on top. */
export async function startInstallation(
  root: string,
  settings: Record<string, string>,
  signal: AbortSignal,
): Promise<Installation> {
  const script = join(root, 'banata');
  const reply = JSON.parse(
    await run(script, ['up', '--detach', '--json'], { env: settings, signal, timeoutMs: 45 * 60_000 }),
  ) as UpReply;
  return {
    client: new BanataSandbox({ apiKey: reply.apiKey, baseUrl: reply.apiUrl }),
    api: { url: reply.apiUrl, key: reply.apiKey },
    serverTimings: (sandboxId) => readTimings(join(reply.dataDir, 'server.log'), sandboxId),
    [Symbol.asyncDispose]: async () => {
      // After an abort too.
      await run(script, ['down', '--all', '--yes', '--json'], { signal: new AbortController().signal });
    },
  };
}

async function readTimings(logFile: string, sandboxId: string): Promise<Record<string, number>> {
  for (const line of (await readFile(logFile, 'utf8')).split('\n')) {
    if (!line.includes(sandboxId) || !line.includes('"sandbox.provisioned"')) continue;
    return (JSON.parse(line) as { timings?: Record<string, number> }).timings ?? {};
  }
  return {};
}
