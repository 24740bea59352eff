import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: { boxd: 'src/main.ts', 'files-worker': 'src/files/worker-main.ts' },
  outDir: 'dist/box/lib',
  platform: 'node',
  target: 'node24',
  // An ES module that imports node:http makes Node evaluate its lazy exports, which load the whole of undici: 17 ms
  // of 50 from the process's start to listening. `require` does not.
  format: 'cjs',
  // A box has no node_modules: everything is in the bundle.
  deps: { alwaysBundle: [/.*/], onlyBundle: false },
  dts: false,
  minify: true,
  clean: true,
  copy: ['box/bin', 'box/libexec'].map((from) => ({ from, to: 'dist/box' })),
});
