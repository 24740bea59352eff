import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { runStartScenario } from './start/scenario.ts';
import { startTable } from './start/table.ts';

const USAGE = 'usage: node bench/src/main.ts start --output FILE [--runs COUNT]; ./banata bench calls it';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '20' }, output: { type: 'string' } },
});
const runs = Number(values.runs);
if (positionals[0] !== 'start' || values.output === undefined || !Number.isInteger(runs) || runs < 1) {
  console.error(USAGE);
  process.exit(2);
}

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());

const report = await runStartScenario({
  root: join(import.meta.dirname, '../..'),
  runs,
  signal: stop.signal,
  progress: (note) => console.error(note),
});
await mkdir(dirname(values.output), { recursive: true });
await writeFile(values.output, `${JSON.stringify(report, null, 2)}\n`);
console.error(startTable(report));
