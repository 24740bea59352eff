import { chmod, readdir, rename, rm } from 'node:fs/promises';
import { constants, createRequire, enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';

// Loads the built daemon's code once and keeps what V8 compiled for it in `dist/box/lib/compile-cache`, so that boxes
// need not compile it (`main.ts`). Node takes it there when Node's version, V8's flags (so this runs with those of
// `boxd-init`) and the source are the same, and compiles as ever when they are not. Not all functions, only those that
// loading calls: reading the others takes longer than compiling the few that a start needs.

const LIB = join(import.meta.dirname, '../../dist/box/lib');
const CACHE = join(LIB, 'compile-cache');
/** What runs as soon as it is loaded. */
const PROGRAMS = ['boxd.cjs', 'files-worker.cjs', 'browser-tools-hook.cjs', 'node-kernel.cjs'];

await rm(CACHE, { recursive: true, force: true });
const { status } = enableCompileCache({ directory: CACHE, portable: true });
if (status !== constants.compileCacheStatus.ENABLED) {
  throw new Error(
    'Node keeps no compiled code here; unset NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE',
  );
}
const require = createRequire(import.meta.url);
for (const name of await readdir(LIB)) {
  if (name.endsWith('.cjs') && !PROGRAMS.includes(name)) require(join(LIB, name));
}
flushCompileCache();

// Node names the folder after the account as well, and in a box the daemon is root. That is nobody on the host, so that
// it reads only what everybody may.
for (const name of await readdir(CACHE)) {
  const ofRoot = join(CACHE, name.replace(/-\d+$/, '-0'));
  if (ofRoot !== join(CACHE, name)) await rename(join(CACHE, name), ofRoot);
  await chmod(ofRoot, 0o755);
  for (const file of await readdir(ofRoot)) await chmod(join(ofRoot, file), 0o644);
}
