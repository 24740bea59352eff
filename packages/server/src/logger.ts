import { pino, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;

/** JSON lines on stdout; keys, tokens and environments never reach them. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    redact: {
      paths: ['*.token', '*.apiKey', '*.env', '*.authorization', 'token', 'apiKey', 'env', 'authorization'],
      censor: '[redacted]',
    },
  });
}
