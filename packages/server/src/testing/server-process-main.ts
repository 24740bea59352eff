import { TestServer } from './test-server.ts';

/** A {@link TestServer} as a process of its own, for tests that kill it. Tells where it listens on its first line. */
const url = process.env['DATABASE_URL'];
if (url === undefined) throw new Error('DATABASE_URL is not set');
const env = Object.fromEntries(
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
);
const server = await TestServer.start({
  // The secret lies in BANATA_HOME already.
  database: { url, connection: {}, secret: '' },
  env,
});
process.stdout.write(`${JSON.stringify({ url: server.url, apiKey: server.apiKey ?? null })}\n`);
