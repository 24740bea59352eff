import { BanataSandbox, type LaunchOptions, type Sandbox } from '@banata-boxes/sdk';
import { createServer, type Server } from 'node:http';
import { networkInterfaces } from 'node:os';
import { FakeInternet } from '../../support/fake-internet.ts';
import { freePort, Installation } from '../../support/installation.ts';
import { zone, type Places } from '../network-cases.ts';

/** What the servers that must not be reached answer. */
export const REACHED = /reached|SSH-2\.0/;

/** An installation in front of a fake internet, with servers on the host and in a neighbour's sandbox to aim at. */
export class NetworkBench {
  readonly internet: FakeInternet;
  readonly installation: Installation;
  readonly banata: BanataSandbox;
  readonly places: Places;
  readonly #canaries: Canary[];

  private constructor(parts: {
    internet: FakeInternet;
    installation: Installation;
    banata: BanataSandbox;
    places: Places;
    canaries: Canary[];
  }) {
    this.internet = parts.internet;
    this.installation = parts.installation;
    this.banata = parts.banata;
    this.places = parts.places;
    this.#canaries = parts.canaries;
  }

  static async start(): Promise<NetworkBench> {
    const canaries = [await canary('0.0.0.0'), await canary('127.0.0.1')];
    const [hostPort = 0, openedPort = 0] = canaries.map(({ port }) => port);
    const internet = await FakeInternet.start(zone);
    const installation = await Installation.start({
      BANATA_DNS: internet.dns,
      BANATA_HOST_PORTS: String(openedPort),
    });
    // A refusal is an outcome here, not something to try again.
    const retry = { maxRetries: 0 };
    const banata = new BanataSandbox({
      apiKey: await installation.apiKey(),
      baseUrl: installation.url,
      retry,
    });
    const neighbour = await banata.launch();
    await neighbour.exec('nohup python3 -m http.server 8000 >/dev/null 2>&1 </dev/null &');
    const places: Places = {
      internet,
      service: (await neighbour.exec("getent hosts host.banata.internal | cut -d' ' -f1")).stdout.trim(),
      host: ownAddress(),
      hostPort,
      openedPort,
      apiPort: Number(new URL(installation.url).port),
      neighbour: await addressOf(neighbour),
    };
    return new NetworkBench({ internet, installation, banata, places, canaries });
  }

  /** A sandbox; where it fails, with what the server's log says of it. */
  async launch(options: LaunchOptions): Promise<Sandbox> {
    try {
      return await this.banata.launch(options);
    } catch (cause) {
      const log = (await this.installation.log()).split('\n');
      const said = log.filter((line) => line.includes('provision_failed')).at(-1);
      throw new Error(`${(cause as Error).message} The server says: ${said}`, { cause });
    }
  }

  /** What of the fake internet was asked that nobody may reach. */
  async forbiddenVisits(): Promise<object[]> {
    const visits = await this.internet.visits();
    return visits.filter(({ to }) => to === this.internet.private || to === this.internet.metadata);
  }

  /** What the server of the host was asked that no sandbox may reach, and no tenant through the server. */
  hostVisits(): string[] {
    return this.#canaries.filter(({ port }) => port === this.places.hostPort).flatMap(({ asked }) => asked);
  }

  async remove(): Promise<void> {
    await this.installation.remove();
    await this.internet.remove();
    for (const { server } of this.#canaries) server.close();
  }
}

interface Canary {
  server: Server;
  port: number;
  /** URLs it was asked for. */
  asked: string[];
}

async function canary(host: string): Promise<Canary> {
  const port = await freePort();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('reached the host');
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return { server, port, asked };
}

async function addressOf(sandbox: Sandbox): Promise<string> {
  return (await sandbox.exec('hostname -I')).stdout.trim().split(' ')[0] ?? '';
}

function ownAddress(): string {
  const all = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    name === 'lo' || name.startsWith('bn') ? [] : (list ?? []),
  );
  return all.find(({ family }) => family === 'IPv4')?.address ?? '127.0.0.1';
}
