import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startInstallation } from '../banata-installation.ts';
import { connectToPage } from './cdp-page.ts';
import type { Measured, StartScenario } from './scenario.ts';

/** A browser and an agent are started anew in the background, side by side with nothing. */
const PAUSE_MS = 7_000;
const MOST_RUNS = 10;

/** `create` → CDP connected → page of a web server loaded, and `launch` with browser and agent. */
export async function measureBrowser(kind: 'cold' | 'warm', scenario: StartScenario): Promise<Measured> {
  const site = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<title>here</title><h1>here</h1>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  const { port } = site.address() as AddressInfo;
  const isWarm = kind === 'warm';
  try {
    await using installation = await startInstallation(
      scenario.root,
      {
        BANATA_WARM: isWarm ? '1' : '0',
        BANATA_WARM_BROWSER: '1',
        BANATA_WARM_AGENT: '1',
        BANATA_HOST_PORTS: String(port),
        // Never called: the agent only has to come up.
        OPENROUTER_API_KEY: 'none',
        OPENROUTER_MODEL: 'none/none',
      },
      scenario.signal,
    );
    const { client } = installation;
    const { signal } = scenario;
    const runs: Record<string, number>[] = [];
    for (let index = 0; index < Math.min(scenario.runs, MOST_RUNS); index += 1) {
      scenario.progress(`banata browser ${kind} ${index + 1}/${Math.min(scenario.runs, MOST_RUNS)}`);
      await sleep(isWarm ? PAUSE_MS : 1_000, undefined, { signal });
      const began = performance.now();
      const sandbox = await client.launch({ capabilities: { browser: {} }, signal });
      const launched = performance.now();
      const { cdpUrl } = await sandbox.getPreview({ signal });
      if (!cdpUrl) throw new Error('The sandbox has no browser');
      await using page = await connectToPage(cdpUrl, signal);
      const connected = performance.now();
      await page.open(`http://host.banata.internal:${port}/`);
      const loaded = performance.now();
      await sandbox.kill();
      const both = performance.now();
      const working = await client.launch({
        capabilities: { browser: {}, agent: { enabled: true } },
        signal,
      });
      const agentMs = performance.now() - both;
      await working.kill();
      runs.push({
        total: loaded - began,
        launch: launched - began,
        cdpConnected: connected - launched,
        pageLoaded: loaded - connected,
        'launch with agent': agentMs,
      });
    }
    return { runs, server: [] };
  } finally {
    site.close();
  }
}
