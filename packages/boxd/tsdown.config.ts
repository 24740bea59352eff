import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { defineConfig } from 'tsdown';

const ptyPackages = ['@lydell/node-pty', `@lydell/node-pty-linux-${process.arch}`];

function copyPackage(name: string): { from: string; to: string } {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return { from: dirname(manifest), to: 'dist/box/lib/node_modules/@lydell' };
}

export default defineConfig({
  entry: {
    boxd: 'src/main.ts',
    'files-worker': 'src/files/worker-main.ts',
    'browser-tools-hook': 'src/agent/browser-tools/hook-main.ts',
    'node-kernel': 'src/code/contexts/node-kernel-main.ts',
  },
  outDir: 'dist/box/lib',
  platform: 'node',
  target: 'node24',
  // An ES module that imports node:http makes Node evaluate its lazy exports, which load the whole of undici: 17 ms
  // of 50 from the process's start to listening. `require` does not.
  format: 'cjs',
  // A box has no node_modules: everything is in the bundle.
  // The terminal's addon is a file that Node loads itself, so its packages lie beside the bundle as they are.
  deps: { alwaysBundle: [/^(?!@lydell\/)/], neverBundle: [/^@lydell\//], onlyBundle: false },
  dts: false,
  minify: true,
  clean: true,
  copy: [
    ...['box/bin', 'box/libexec'].map((from) => ({ from, to: 'dist/box' })),
    ...ptyPackages.map(copyPackage),
  ],
});
