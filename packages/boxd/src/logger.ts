import type { BoxLogger } from './services.ts';

/** Where log lines go; `process.stderr` in the daemon. */
export interface LogTarget {
  write(line: string): unknown;
}

function plain(value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;
}

/** Creates a logger that writes one JSON line per event. Errors among the fields are written with their stack. */
export function createLogger(target: LogTarget): BoxLogger {
  const write = (level: string, event: string, fields: Record<string, unknown> = {}): void => {
    const entries = Object.entries(fields).map(([key, value]) => [key, plain(value)]);
    target.write(`${JSON.stringify({ at: Date.now(), level, event, ...Object.fromEntries(entries) })}\n`);
  };
  return {
    info: (event, fields) => write('info', event, fields),
    warn: (event, fields) => write('warn', event, fields),
    error: (event, fields) => write('error', event, fields),
  };
}
