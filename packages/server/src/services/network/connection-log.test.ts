import pino from 'pino';
import { expect, test } from 'vitest';
import { ConnectionLog, type ConnectionSink, type LoggedConnection } from './connection-log.ts';

class Rows implements ConnectionSink {
  readonly rows: LoggedConnection[] = [];
  readonly pruned: string[] = [];

  insert(entries: readonly LoggedConnection[]): Promise<number[]> {
    return Promise.resolve(entries.map((entry) => this.rows.push({ ...entry }) - 1));
  }

  setBytes(changes: readonly { id: number; bytesSent: number; bytesReceived: number }[]): Promise<void> {
    for (const { id, ...bytes } of changes) Object.assign(this.rows[id] as LoggedConnection, bytes);
    return Promise.resolve();
  }

  prune(sandboxId: string): Promise<void> {
    this.pruned.push(sandboxId);
    return Promise.resolve();
  }
}

const START = {
  protocol: 'tls',
  host: 'a.example',
  address: '11.0.0.1',
  port: 443,
  allowed: true,
  rule: 'a.example',
} as const;

function make(): { log: ConnectionLog; rows: Rows } {
  const rows = new Rows();
  return { rows, log: new ConnectionLog(rows, pino({ level: 'silent' }), () => 1) };
}

test('bytes that come after the first writing are added to the row', async () => {
  const { log, rows } = make();
  const connection = log.open('s', START);
  await log.flush();
  connection.setBytes(10, 20);
  connection.close();
  await log.flush();
  expect(rows.rows).toMatchObject([{ sandboxId: 's', bytesSent: 10, bytesReceived: 20 }]);
  connection.setBytes(99, 99);
  await log.flush();
  await log.flush();
  expect(rows.rows).toHaveLength(1);
});

test('a refused attempt that is repeated is one row', async () => {
  const { log, rows } = make();
  for (let count = 0; count < 5; count += 1) log.open('s', { ...START, allowed: false });
  log.open('t', { ...START, allowed: false });
  await log.flush();
  log.open('s', { ...START, allowed: false });
  await log.flush();
  expect(rows.rows.map(({ sandboxId }) => sandboxId)).toEqual(['s', 't', 's']);
});

test('a scan fills neither memory nor database', async () => {
  const { log, rows } = make();
  for (let port = 1; port <= 20_000; port += 1) log.open('s', { ...START, port, allowed: false });
  log.open('t', START);
  await log.flush();
  expect(rows.rows.filter(({ sandboxId }) => sandboxId === 's')).toHaveLength(500);
  expect(rows.rows.filter(({ sandboxId }) => sandboxId === 't')).toHaveLength(1);
  expect(rows.pruned).toEqual(['s']);
});
