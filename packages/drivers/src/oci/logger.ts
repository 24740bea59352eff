type Log = (details: Record<string, unknown>, message: string) => void;

/** What the driver needs of a logger; pino's fits. */
export interface Logger {
  debug: Log;
  info: Log;
  warn: Log;
  error: Log;
}
