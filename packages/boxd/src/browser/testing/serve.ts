import { mkdir, readFile } from 'node:fs/promises';
import { HttpServer } from '../../http/server.ts';
import { Router } from '../../http/router.ts';
import { createLogger } from '../../logger.ts';
import type { Account } from '../../services.ts';
import { createBrowserService } from '../service.ts';

/**
 * Runs the browser service alone behind the daemon's HTTP server, in the image: `serve.ts PORT TOKEN`. Its first
 * line on stdout is the agent's endpoint, every later one an event. Stops when stdin ends.
 */
async function main(): Promise<void> {
  const [, , port = '', token = ''] = process.argv;
  const accounts = {
    root: await account('root'),
    desktop: await account('desktop'),
    user: await account('user'),
  };
  const logger = createLogger(process.stderr);
  const runDir = '/run/boxd';
  await mkdir(runDir, { recursive: true, mode: 0o711 });
  const say = (value: object): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);
  const service = createBrowserService({
    environment: {
      accounts,
      runDir,
      stateDir: '/var/lib/banata',
      installDir: '/opt/banata',
      workspace: '/workspace',
      path: process.env['PATH'] ?? '',
    },
    events: { append: async (event) => void say(event) },
    logger,
  });
  const server = new HttpServer({ token, router: new Router(service), logger });
  await server.listen(Number(port), '127.0.0.1');
  service.start({ viewport: { width: 1280, height: 800 }, persistentProfile: false });
  setImmediate(() => say({ agentEndpoint: service.agentEndpoint() }));
  process.stdin.resume();
  process.stdin.once('end', () => {
    void service
      .stop()
      .then(() => server.close())
      .then(() => process.exit(0));
  });
}

async function account(name: string): Promise<Account> {
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid, , home] = (line ?? '').split(':');
  if (home === undefined) throw new Error(`No account ${name} in the image.`);
  return { name, uid: Number(uid), gid: Number(gid), home };
}

await main();
