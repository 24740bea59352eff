import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { runDocumentsScenario } from './documents/scenario.ts';
import { documentsTable } from './documents/table.ts';
import { runExecScenario } from './exec/scenario.ts';
import { execTable } from './exec/table.ts';
import { runFilesScenario } from './files/scenario.ts';
import { filesTable } from './files/table.ts';
import { runStartScenario } from './start/scenario.ts';
import { startTable } from './start/table.ts';

const USAGE =
  'usage: node bench/src/main.ts start|exec|files|documents --output FILE [--runs COUNT]; ./banata bench calls it';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '20' }, output: { type: 'string' } },
});
const runs = Number(values.runs);
const [name] = positionals;
if (
  (name !== 'start' && name !== 'exec' && name !== 'files' && name !== 'documents') ||
  values.output === undefined ||
  !Number.isInteger(runs) ||
  runs < 1
) {
  console.error(USAGE);
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

const scenario = {
  root: join(import.meta.dirname, '../..'),
  runs,
  signal: stop.signal,
  progress: (note: string) => console.error(note),
};
const { report, table } = await measure(name);
await mkdir(dirname(values.output), { recursive: true });
await writeFile(values.output, `${JSON.stringify(report, null, 2)}\n`);
console.error(table);

async function measure(
  wanted: 'start' | 'exec' | 'files' | 'documents',
): Promise<{ report: object; table: string }> {
  if (wanted === 'documents') {
    const documents = await runDocumentsScenario(scenario);
    return { report: documents, table: documentsTable(documents) };
  }
  if (wanted === 'exec') {
    const exec = await runExecScenario(scenario);
    return { report: exec, table: execTable(exec) };
  }
  if (wanted === 'files') {
    const files = await runFilesScenario(scenario);
    return { report: files, table: filesTable(files) };
  }
  const start = await runStartScenario(scenario);
  const { staggered, burst } = start.banata;
  // A create that fails, or a sandbox that is not new, is no figure but a fault.
  if ([staggered, burst].some(({ errors, traces }) => errors.length + traces.length > 0))
    process.exitCode = 1;
  return { report: start, table: startTable(start) };
}
