import { existsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { startBoxd, type Boxd } from './boxd.ts';
import { loadConfig } from './config.ts';
import { STARTED_NOTE } from './leftovers.ts';
import { clearDisplays } from './life.ts';
import { createLogger } from './logger.ts';

const STOP_LIMIT_MS = 8000;

// What the daemon prints may go to the box's own disk, and a full disk must not end it.
function print(line: string): void {
  try {
    writeSync(process.stderr.fd, line);
  } catch {
    // There is nowhere left to say so.
  }
}

/** Makes this process the daemon, as the box's files say, and ends with it. Resolves when it takes requests. */
export async function runDaemon(): Promise<void> {
  const logger = createLogger({ write: print });
  // What was not foreseen leaves the daemon in a state that nobody knows; boxd-init starts a new one.
  const die = (event: string, error: unknown): never => {
    logger.error(event, { error });
    process.exit(1);
  };
  process.on('uncaughtException', (error) => die('boxd.uncaught', error));
  process.on('unhandledRejection', (error) => die('boxd.unhandled', error));

  let boxd: Boxd | undefined;
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(0), STOP_LIMIT_MS).unref();
    await boxd?.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());

  try {
    const config = loadConfig(process.env);
    if (!existsSync(join(config.environment.runDir, STARTED_NOTE))) await clearDisplays('/tmp');
    boxd = await startBoxd(config, logger);
  } catch (error) {
    die('boxd.start_failed', error);
  }
}
