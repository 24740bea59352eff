import { BanataSandbox } from '@banata-boxes/sdk';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { openLiveClients } from './control-plane/live-clients.ts';
import { load } from './control-plane/load.ts';
import { startLoadServer, type LoadServer } from './control-plane/load-server.ts';

const ROWS = 10_000;
const CLIENTS = 1_000;
const WATCHED_SANDBOXES = 50;
const LIST_CALLS = 200;
const MIB = 1024 * 1024;

/**
 * Load on the control plane alone: a real server on one CPU, a real PostgreSQL, a driver that makes no containers.
 * PostgreSQL and this program share the machine's other CPUs.
 */
const { values } = parseArgs({
  options: { output: { type: 'string' }, seconds: { type: 'string', default: '10' } },
});
const seconds = Number(values.seconds);
const root = join(import.meta.dirname, '../..');

await using server = await startLoadServer(root, ROWS);
const banata = new BanataSandbox({ apiKey: server.apiKey, baseUrl: server.url });
const ids: string[] = [];
for (let count = 0; count < WATCHED_SANDBOXES; count += 1) {
  const { id } = await banata.create({ idleTimeoutMs: null });
  await banata.waitForReady(id, 20_000);
  ids.push(id);
}
note(`${ROWS} ended and ${ids.length} live sandboxes`);
const report = {
  get: await step('GET one sandbox', () =>
    load(server, { path: `/v1/sandboxes?id=${ids[0] ?? ''}`, connections: 10, seconds }),
  ),
  list: await step('GET /v1/sandboxes, first page and one far down', () => measureLists(server)),
  liveClients: await step(`${CLIENTS} live clients`, () => measureLiveClients(server, ids)),
  create: await step('POST /v1/sandboxes', () =>
    load(server, { path: '/v1/sandboxes', json: {}, connections: 10, seconds }),
  ),
  memoryMiB: Math.round((await server.memory()) / MIB),
};
if (values.output !== undefined) {
  await mkdir(dirname(values.output), { recursive: true });
  await writeFile(values.output, `${JSON.stringify(report, null, 2)}\n`);
}
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);

async function step<T>(name: string, measure: () => Promise<T>): Promise<T> {
  const figures = await measure();
  note(`${name}: ${JSON.stringify(figures)}`);
  return figures;
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function measureLists(target: LoadServer) {
  let cursor: string | undefined;
  for (let page = 0; page < 20; page += 1) {
    const { nextCursor } = await list(
      target,
      `all=true&limit=200${cursor === undefined ? '' : `&cursor=${cursor}`}`,
    );
    cursor = nextCursor;
  }
  return {
    live: await timeCalls(() => list(target, 'limit=50')),
    all: await timeCalls(() => list(target, 'all=true&limit=50')),
    after4000: await timeCalls(() => list(target, `all=true&limit=50&cursor=${cursor ?? ''}`)),
  };
}

async function list(target: LoadServer, query: string): Promise<{ nextCursor: string }> {
  const reply = await fetch(`${target.url}/v1/sandboxes?${query}`, {
    headers: { authorization: `Bearer ${target.apiKey}` },
  });
  if (!reply.ok) throw new Error(`the list answered ${reply.status}`);
  return (await reply.json()) as { nextCursor: string };
}

async function timeCalls(call: () => Promise<unknown>): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let count = 0; count < LIST_CALLS; count += 1) {
    const startedAt = performance.now();
    await call();
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => Math.round((times[Math.floor(times.length * part)] ?? 0) * 10) / 10;
  return { p50: at(0.5), p99: at(0.99) };
}

async function measureLiveClients(target: LoadServer, sandboxes: readonly string[]) {
  const before = await target.memory();
  const paths = Array.from(
    { length: CLIENTS },
    (_, index) => `/v1/sandboxes/events?id=${sandboxes[index % sandboxes.length] ?? ''}`,
  );
  const startedAt = performance.now();
  using clients = await openLiveClients(target, paths);
  const openMs = Math.round(performance.now() - startedAt);
  const arrival = await clients.arrival('sandbox.timeout.renewed', () =>
    Promise.all(
      sandboxes.map(async (id) => (await banata.connect(id)).setTimeout(3_600_000, { idleTimeoutMs: null })),
    ),
  );
  const memoryMiB = Math.round(((await target.memory()) - before) / MIB);
  return { openMs, memoryMiB, firstMs: Math.round(arrival.first), lastMs: Math.round(arrival.last) };
}
