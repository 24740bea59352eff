import { ConfigError, loadConfig, type Config } from '@banata/config';

import { EmbeddedPostgres } from './database/embedded-postgres.ts';
import { openDriver } from './foundations.ts';
import { createLogger, type Logger } from './logger.ts';
import { serve } from './serve.ts';

const USAGE = 'usage: main.ts serve | stop-database | purge';

const commands: Record<string, (config: Config, logger: Logger, signal: AbortSignal) => Promise<void>> = {
  serve,
  'stop-database': (config) => new EmbeddedPostgres(config.paths.postgres).stop(),
  /** Ends every sandbox and removes what the driver made on the host. The server must not run. */
  purge: async (config, logger) => (await openDriver(config, logger)).purge(),
};

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const logger = createLogger(config.logLevel);
  const command = commands[process.argv[2] ?? 'serve'];
  if (!command) throw new ConfigError(USAGE);
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  await command(config, logger, stop.signal);
}

try {
  await main();
  // Sockets of pools may linger for a while; nothing is left to do.
  process.exit(0);
} catch (error) {
  const text = error instanceof ConfigError ? error.message : (error as Error).stack;
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
