import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Which workspace may import which. Imports go one way: nothing imports the server. */
const allowed: Record<string, readonly string[]> = {
  'packages/protocol': [],
  'packages/config': [],
  'packages/sdk': ['@banata/protocol'],
  'packages/boxd': ['@banata/protocol'],
  'packages/drivers': ['@banata/protocol'],
  image: [],
  'packages/server': ['@banata/protocol', '@banata/config', '@banata/drivers', '@banata/image'],
  'packages/cli': ['@banata/protocol', '@banata/config', '@banata/image', '@banata-boxes/sdk'],
  'packages/web': ['@banata/protocol', '@banata-boxes/sdk'],
  bench: ['@banata-boxes/sdk', '@banata/boxd', '@banata/config'],
  tests: ['@banata-boxes/sdk', '@banata/protocol', '@banata/config', '@banata/boxd', '@banata/bench'],
  scripts: ['@banata/config', '@banata/image', '@banata/protocol'],
};

const importPattern = /(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g;

async function sourceFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes(`${sep}node_modules${sep}`) && !path.includes(`${sep}dist${sep}`));
}

function violation(specifier: string, workspace: string, file: string): string | undefined {
  const name = /^(@banata(?:-boxes)?\/[^/]+)/.exec(specifier)?.[1];
  if (name && !allowed[workspace]?.includes(name)) {
    return `${file}: ${workspace} must not import ${name}. It may import: ${allowed[workspace]?.join(', ') || 'none of ours'}.`;
  }
  if (specifier.startsWith('.') && relative(workspace, join(file, '..', specifier)).startsWith('..')) {
    return `${file}: "${specifier}" leaves its workspace. Import the other package by its name.`;
  }
  return undefined;
}

/** @returns a line for every import that crosses a border it must not. */
export async function checkImports(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const workspace of Object.keys(allowed)) {
    for (const path of await sourceFiles(join(root, workspace))) {
      const file = relative(root, path);
      const text = await readFile(path, 'utf8');
      for (const [, specifier = ''] of text.matchAll(importPattern)) {
        const problem = violation(specifier, workspace, file);
        if (problem) found.push(problem);
      }
    }
  }
  return found;
}
