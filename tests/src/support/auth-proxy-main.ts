import { startAuthProxy, type AuthProxyOptions } from '@banata/boxd/testing/auth-proxy';

/** Runs proxies in the network namespace it was started in: settings in, a line per visit out, the first one "ready". */
async function main(settings: Omit<AuthProxyOptions, 'onVisit'>[]): Promise<void> {
  const tell = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  for (const each of settings)
    await startAuthProxy({ ...each, onVisit: (visit) => tell({ ...visit, proxy: each.kind }) });
  tell('ready');
}

await main(JSON.parse(process.argv[2] ?? '[]') as Omit<AuthProxyOptions, 'onVisit'>[]);
