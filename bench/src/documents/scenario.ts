import type { Sandbox } from '@banata-boxes/sdk';
import { cpus, loadavg, release } from 'node:os';
import { startInstallation, type Installation } from '../banata-installation.ts';
import { summarize, type Summary } from '../statistics.ts';

const PARALLEL = 20;
const COLD_RUNS = 5;
const SETTLE_MS = 5_000;
const capabilities = { documents: { libreofficeHeadless: true } };

const PARAGRAPH = 'A paragraph of ordinary text that goes on for a line or two, as paragraphs do. ';
const files: Record<string, string> = {
  'page.md': `# Report\n\n${PARAGRAPH}\n\n| a | b |\n| - | - |\n| 1 | 2 |\n`,
  'long.md': Array.from({ length: 400 }, (_, index) => `## Part ${index}\n\n${PARAGRAPH.repeat(6)}\n\n`).join(
    '',
  ),
  'table.csv': Array.from({ length: 2000 }, (_, index) => `row ${index},${index},${index * 1.5}\n`).join(''),
};

export interface DocumentsScenario {
  root: string;
  /** Conversions of each kind, one after the other. */
  runs: number;
  signal: AbortSignal;
  progress: (note: string) => void;
}

export interface DocumentsReport {
  scenario: 'documents';
  at: string;
  machine: { cpu: string; cores: number; kernel: string; node: string; loadBefore: number };
  /** The first conversion of a sandbox, asked for as soon as it was ready. */
  cold: Summary;
  /** By what becomes what, in a sandbox that runs. */
  warm: Record<string, Summary>;
  /** Twenty callers at once; each conversion's own time, and how many a second. */
  parallel: Summary & { perSecond: number };
  /** The same page with `libreoffice --headless --convert-to` as a command of the sandbox. */
  command: Summary;
}

/** Measures conversions over HTTP, from the request to the answer. */
export async function runDocumentsScenario(scenario: DocumentsScenario): Promise<DocumentsReport> {
  const { root, runs, signal, progress } = scenario;
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    node: process.versions.node,
    loadBefore: loadavg()[0] ?? 0,
  };
  await using installation = await startInstallation(root, {}, signal);
  progress('cold');
  const cold = await series(COLD_RUNS, () => firstConversion(installation, signal));
  await using sandbox = await installation.client.launch({ capabilities, idleTimeoutMs: null, signal });
  const docx = await prepare(sandbox);
  const cases: Record<string, [string, 'pdf' | 'docx' | 'xlsx' | 'png']> = {
    'md → pdf, 1 page': ['page.md', 'pdf'],
    'docx → pdf, 1 page': [docx, 'pdf'],
    'md → docx, 40 pages': ['long.md', 'docx'],
    'md → pdf, 40 pages': ['long.md', 'pdf'],
    'csv → xlsx, 2000 rows': ['table.csv', 'xlsx'],
    'docx → png, 1 page': [docx, 'png'],
  };
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const warm: Record<string, Summary> = {};
  for (const [name, [path, to]] of Object.entries(cases)) {
    progress(name);
    const convert = (): Promise<unknown> =>
      sandbox.convertDocument(path, { to, output: `out.${to}`, signal });
    await convert();
    warm[name] = summarize(await series(runs, () => timed(convert)));
  }
  progress(`${PARALLEL} at once`);
  const began = performance.now();
  const times = await Promise.all(
    Array.from({ length: PARALLEL }, (_, index) =>
      timed(() => sandbox.convertDocument('page.md', { to: 'pdf', output: `many/${index}.pdf`, signal })),
    ),
  );
  const perSecond = Math.round((PARALLEL * 10_000) / (performance.now() - began)) / 10;
  progress('libreoffice as a command');
  const command = await series(Math.min(runs, 10), () =>
    timed(() => sandbox.exec(`libreoffice --headless --convert-to pdf ${docx}`, undefined, { signal })),
  );
  return {
    scenario: 'documents',
    at: new Date().toISOString(),
    machine,
    cold: summarize(cold),
    warm,
    parallel: { ...summarize(times), perSecond },
    command: summarize(command),
  };
}

async function firstConversion({ client }: Installation, signal: AbortSignal): Promise<number> {
  await using sandbox = await client.launch({ capabilities, signal });
  await sandbox.fs.write('page.md', files['page.md'] ?? '');
  return await timed(() => sandbox.convertDocument('page.md', { to: 'pdf', signal }));
}

async function prepare(sandbox: Sandbox): Promise<string> {
  for (const [name, content] of Object.entries(files)) await sandbox.fs.write(name, content);
  return (await sandbox.convertDocument('page.md', { to: 'docx' })).path;
}

async function series(count: number, measure: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) times.push(await measure());
  return times;
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await call();
  return performance.now() - began;
}
