import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
// Stripping types and compiling take most of the time of a short command. The imports have to come after this.
enableCompileCache(join(root, '.banata/compile-cache'));
const [{ createProgram }, { reportFailure }] = await Promise.all([
  import('./program.ts'),
  import('./report-failure.ts'),
]);

/** A key press may arrive twice: from the terminal, and from a program such as timeout that passes it on. */
const SAME_REQUEST_MS = 500;

const stopping = new AbortController();
let askedAt: number | undefined;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    askedAt ??= performance.now();
    // The first asks to stop and clean up; whoever asks again does not want to wait for that.
    if (performance.now() - askedAt > SAME_REQUEST_MS) process.exit(130);
    stopping.abort();
  });
}

try {
  await createProgram({
    root,
    env: process.env,
    signal: stopping.signal,
  }).parseAsync();
} catch (error) {
  process.exitCode = stopping.signal.aborted ? 130 : 1;
  reportFailure(error, {
    stopped: stopping.signal.aborted,
    debug: Boolean(process.env['DEBUG']),
    to: process.stderr,
  });
}
