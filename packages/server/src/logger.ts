import { pino, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;

/** JSON lines; keys, tokens and environments never reach them. @param target Default: stdout. */
export function createLogger(level: string, target?: { write: (line: string) => void }): Logger {
  const options = {
    level,
    base: null,
    redact: {
      paths: ['*.token', '*.apiKey', '*.env', '*.authorization', 'token', 'apiKey', 'env', 'authorization'],
      censor: '[redacted]',
    },
  };
  return target ? pino(options, target) : pino(options);
}
