import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { checkImports } from './check-imports.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Outcome {
  name: string;
  ok: boolean;
  output: string;
  seconds: number;
}

function command(name: string, program: string, args: string[]): Promise<Outcome> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', (error) => (output += error.message));
    child.on('close', (code) =>
      resolve({ name, ok: code === 0, output, seconds: (performance.now() - startedAt) / 1000 }),
    );
  });
}

async function imports(): Promise<Outcome> {
  const startedAt = performance.now();
  const problems = await checkImports(root);
  return {
    name: 'imports',
    ok: problems.length === 0,
    output: problems.join('\n'),
    seconds: (performance.now() - startedAt) / 1000,
  };
}

const outcomes = await Promise.all([
  command('format', 'oxfmt', ['--check', '.']),
  command('lint', 'oxlint', ['--type-aware', '.']),
  command('types', 'tsc', ['-b']),
  command('knip', 'knip', []),
  imports(),
]);
for (const { name, ok, output, seconds } of outcomes) {
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds.toFixed(1)} s)`);
  if (!ok) console.log(output);
}
process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1;
