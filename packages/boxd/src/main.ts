import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// What V8 compiled when the daemon was built. In a box nothing can be written there, and what does not fit (another Node,
// another CPU, changed code) is compiled as without it. Before anything else is loaded: the cache is asked for later
// modules only.
enableCompileCache({ directory: join(import.meta.dirname, 'compile-cache'), portable: true });

void import('./daemon.ts').then(({ runDaemon }) => runDaemon());
