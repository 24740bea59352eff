import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Everything the server tells Prometheus: names, labels and help in one place. */
export class Metrics {
  readonly registry: Registry = new Registry();

  readonly requests: Counter = new Counter({
    name: 'banata_http_requests_total',
    help: 'Requests to the API, by route and status.',
    labelNames: ['route', 'status'],
    registers: [this.registry],
  });

  readonly requestSeconds: Histogram = new Histogram({
    name: 'banata_http_request_duration_seconds',
    help: 'Time to the head of the reply, by route.',
    labelNames: ['route'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [this.registry],
  });

  readonly rateLimited: Counter = new Counter({
    name: 'banata_rate_limited_total',
    help: 'Requests answered 429, by rate limit.',
    labelNames: ['limit'],
    registers: [this.registry],
  });

  readonly sandboxStartSeconds: Histogram = new Histogram({
    name: 'banata_sandbox_start_seconds',
    help: 'From the request to a sandbox that takes work.',
    buckets: [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [this.registry],
  });

  readonly sandboxFailures: Counter = new Counter({
    name: 'banata_sandbox_start_failures_total',
    help: 'Sandboxes that could not be started.',
    registers: [this.registry],
  });

  /** @param countSandboxes sandboxes that have not ended, by status, asked at each scrape. */
  constructor(countSandboxes: () => Promise<{ status: string; count: number }[]>) {
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'banata_sandboxes',
      help: 'Sandboxes that have not ended, on all servers of the database, by status.',
      labelNames: ['status'],
      registers: [this.registry],
      async collect() {
        this.reset();
        for (const { status, count } of await countSandboxes()) this.set({ status }, count);
      },
    });
  }
}
