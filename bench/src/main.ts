import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { scenarios } from './scenarios.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '20' }, output: { type: 'string' } },
});
const runs = Number(values.runs);
const [name = ''] = positionals;
const measure = scenarios[name];
if (!measure || values.output === undefined || !Number.isInteger(runs) || runs < 1) {
  const names = Object.keys(scenarios).join('|');
  console.error(
    `usage: node bench/src/main.ts ${names} --output FILE [--runs COUNT]; ./banata bench calls it`,
  );
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

const { report, table, fault } = await measure({
  root: join(import.meta.dirname, '../..'),
  runs,
  signal: stop.signal,
  progress: (note) => console.error(note),
});
await mkdir(dirname(values.output), { recursive: true });
await writeFile(values.output, `${JSON.stringify(report, null, 2)}\n`);
console.error(table);
if (fault) process.exitCode = 1;
