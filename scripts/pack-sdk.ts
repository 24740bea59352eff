import { execFile } from 'node:child_process';
import { cp, glob, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'tsdown';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const sdk = join(root, 'packages/sdk');

/** What the declarations name, and where in the package it lies: so that types need no further package. */
const modules = {
  '@banata/protocol': 'types/protocol/index.d.ts',
  '@banata/protocol/box': 'types/protocol/box/index.d.ts',
  zod: 'types/zod/index.d.ts',
  'zod/v4/core': 'types/zod/v4/core/index.d.ts',
};

/**
 * Builds the client as a package for npm: JavaScript for `import` and `require`, and its types.
 * @param directory Where `banata-boxes-sdk-VERSION.tgz` is put.
 * @returns path of the archive.
 */
export async function packSdk(directory: string): Promise<string> {
  const staging = join(sdk, 'dist/package');
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  await build({
    cwd: sdk,
    entry: { index: 'src/index.ts' },
    outDir: staging,
    format: ['esm', 'cjs'],
    platform: 'neutral',
    target: 'es2022',
    dts: false,
    clean: false,
    config: false,
    logLevel: 'warn',
  });
  await rename(join(staging, 'index.js'), join(staging, 'index.mjs'));
  await copyTypes(staging);
  await writeFile(join(staging, 'package.json'), `${JSON.stringify(await manifest(), undefined, 2)}\n`);
  await cp(join(root, 'docs/sdk.md'), join(staging, 'README.md'));
  await mkdir(directory, { recursive: true });
  const packed = await run('npm', ['pack', '--json', '--pack-destination', directory], { cwd: staging });
  const [archive] = JSON.parse(packed.stdout) as { filename: string }[];
  if (!archive) throw new Error('npm pack wrote nothing');
  return join(directory, archive.filename);
}

async function manifest(): Promise<object> {
  const text = await readFile(join(sdk, 'package.json'), 'utf8');
  const { name, version, description, license, engines } = JSON.parse(text) as Record<string, unknown>;
  const types = './types/sdk/index.d.ts';
  return {
    name,
    version,
    description,
    license,
    engines,
    // Declarations of a CommonJS package serve both kinds of importers; those of an ES module only one.
    type: 'commonjs',
    sideEffects: false,
    main: './index.cjs',
    types,
    exports: { '.': { types, import: './index.mjs', require: './index.cjs' } },
  };
}

async function copyTypes(staging: string): Promise<void> {
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', sdk], { cwd: root });
  const sources = {
    sdk: join(sdk, 'dist/types'),
    protocol: join(root, 'packages/protocol/dist/types'),
    zod: join(root, 'node_modules/zod'),
  };
  for (const [name, from] of Object.entries(sources)) {
    for await (const path of glob('**/*.d.ts', { cwd: from })) {
      if (/\.test\.d\.ts$|^(testing|src|v3|v4-mini|mini)\//.test(path)) continue;
      const target = join(staging, 'types', name, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, withinPackage(await readFile(join(from, path), 'utf8'), target, staging));
    }
  }
}

/** Makes a declaration stand by itself: nothing in it leads out of the package. */
function withinPackage(text: string, file: string, staging: string): string {
  // The compiler leaves the endings of sources in declarations; what stands there is JavaScript.
  // `Buffer` is in parts that no method of the client hands out, and would ask users for the types of Node.
  const compiled = text
    .replaceAll(/\bBuffer\b/g, 'Uint8Array')
    .replaceAll(/(['"])(\.{1,2}\/[^'"\n]+)\.ts\1/g, '$1$2.js$1');
  return compiled.replaceAll(
    /(['"])(@banata\/protocol(?:\/box)?|zod(?:\/v4\/core)?)\1/g,
    (_all, quote: string, name) => {
      const target = join(staging, modules[name as keyof typeof modules]);
      const path = relative(dirname(file), target).replace(/\.d\.ts$/, '.js');
      return `${quote}${path.startsWith('.') ? path : `./${path}`}${quote}`;
    },
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const archive = await packSdk(resolve(process.argv[2] ?? '.'));
  console.log(archive);
}
