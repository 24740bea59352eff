import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { lastingConfig, lastingSettings, type LastingConfig } from './lasting.ts';
import { dailyModelSettings, modelSettings } from './model-settings.ts';
import { objectStoreConfig, objectStoreSettings, type ObjectStoreConfig } from './object-store.ts';
import { OUTPUT_MIB, type SizeLimits, sizesOf } from './sizes.ts';
import { oidcConfig, oidcSettings, type OidcConfig } from './oidc.ts';
import { tracingConfig, tracingSettings, type TracingConfig } from './tracing.ts';
import { warmCounts, warmSettings, type WarmCounts } from './warm.ts';

export { ConfigError } from './config-error.ts';
export type { S3Config } from './object-store.ts';
export type { OidcConfig } from './oidc.ts';
export type { TracingConfig } from './tracing.ts';
export { STANDARD_SIZE, type SizeLimits } from './sizes.ts';

const flag = z.stringbool();
const gib = 1024 ** 3;
const minute = 60_000;

/**
 * Every setting, by the environment variable that holds it. `docs/configuration.md` lists the same; a test compares.
 */
export const settingsSchema = z.object({
  BANATA_HOME: z
    .string()
    .startsWith('/')
    .default('/var/lib/banata')
    .describe('Data of this installation: database, sandboxes, artifacts, keys.'),
  BANATA_CACHE: z
    .string()
    .startsWith('/')
    .default('/var/cache/banata')
    .describe('Sandbox image and other things all installations on the machine share.'),
  BANATA_HOST: z.string().default('127.0.0.1').describe('Address the API listens on.'),
  BANATA_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(7070)
    .describe('Port of API, dashboard and viewer.'),
  BANATA_PUBLIC_URL: z
    .url()
    .optional()
    .describe(
      'URL under which clients reach the server; goes into viewer, CDP and download links. Default: http://HOST:PORT.',
    ),
  BANATA_PREVIEW_HOST: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, 'a host name in small letters, without port')
    .default('localhost')
    .describe(
      'Host name below which each port preview has a name of its own, on the port of the API. Point *.HOST at this server, and let HOST serve nothing else. Default: localhost, for browsers on this machine.',
    ),
  BANATA_SECRET_KEY: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, '32 bytes as 64 hexadecimal digits, such as "openssl rand -hex 32" prints')
    .optional()
    .describe(
      'Secret that environments and keys are sealed with. Default: one made at the first start, in the file BANATA_HOME/secret.',
    ),
  DATABASE_URL: z
    .string()
    .optional()
    .describe('PostgreSQL 15 or newer. Default: an embedded PostgreSQL in BANATA_HOME.'),
  BANATA_REGION: z
    .string()
    .regex(/^[a-z]{3}$/)
    .default('loc')
    .describe('Region this server answers, three letters.'),
  BANATA_SUBNET: z
    .string()
    .optional()
    .describe(
      'Network of the sandboxes, CIDR /16 to /24. Default: a free /20 chosen from 10.192.0.0/10 by the name of the installation.',
    ),
  BANATA_POOL_GIB: z.coerce
    .number()
    .positive()
    .default(40)
    .describe('Size of the pool that holds the sandboxes’ disks, GiB.'),
  BANATA_POOL_RESERVE: z
    .union([z.literal('auto'), flag])
    .default('auto')
    .describe(
      'Reserve the whole pool on disk at the start, so that a full host disk cannot hurt sandboxes: true, false, or auto (where a fifth of the disk stays free).',
    ),
  ...warmSettings,
  BANATA_ISOLATION: z
    .enum(['container', 'gvisor'])
    .default('container')
    .describe(
      'What keeps sandboxes from the host: containers of its kernel, or gVisor, a kernel of their own.',
    ),
  BANATA_ISOLATION_OVERRIDE: flag
    .default(false)
    .describe('Whether a sandbox may be created with another isolation than BANATA_ISOLATION.'),
  BANATA_RUNSC: z
    .string()
    .default('runsc')
    .describe('gVisor’s program, by name or path. Debian’s package runsc has one.'),
  BANATA_SANDBOX_CPUS: z.coerce
    .number()
    .positive()
    .default(2)
    .describe('CPUs of a sandbox of size "standard".'),
  BANATA_SANDBOX_MEMORY_GIB: z.coerce
    .number()
    .positive()
    .default(4)
    .describe('Memory of a sandbox, GiB, swap included.'),
  BANATA_SANDBOX_PIDS: z.coerce
    .number()
    .int()
    .positive()
    .default(1024)
    .describe('Processes and threads of a sandbox.'),
  BANATA_SANDBOX_DISK_GIB: z.coerce
    .number()
    .positive()
    .default(10)
    .describe('Disk of a sandbox, GiB: system changes and /workspace together.'),
  BANATA_SANDBOX_OPEN_FILES: z.coerce
    .number()
    .int()
    .min(256)
    .default(16384)
    .describe('Files that one process of a sandbox may have open; at most what the server itself may.'),
  BANATA_SANDBOX_NETWORK_MBIT: z.coerce
    .number()
    .min(0)
    .default(0)
    .describe('Network rate of a sandbox, Mbit/s in each direction. 0: no limit.'),
  BANATA_SANDBOX_OUTPUT_MIB: z.coerce
    .number()
    .int()
    .min(OUTPUT_MIB.min)
    .max(OUTPUT_MIB.max)
    .default(64)
    .describe(
      'What a sandbox keeps of each output stream of a command or background process, MiB. The rest is thrown away.',
    ),
  BANATA_SIZES: z
    .string()
    .default('')
    .describe(
      'Further sizes of sandboxes, JSON such as {"large":{"cpus":4,"memoryGib":8}}. A size may have cpus, memoryGib, pids, diskGib, openFiles, networkMbit, outputMib; the rest is as in "standard". Default: none.',
    ),
  BANATA_MAX_SANDBOXES: z.coerce
    .number()
    .int()
    .positive()
    .default(64)
    .describe('Most sandboxes at once on this machine.'),
  ...lastingSettings,
  BANATA_DEFAULT_DURATION_MS: z.coerce
    .number()
    .int()
    .positive()
    .default(60 * minute)
    .describe('Life of a sandbox that names none.'),
  BANATA_DEFAULT_IDLE_MS: z.coerce
    .number()
    .int()
    .positive()
    .default(15 * minute)
    .describe('Idle time after which a sandbox that names none is ended.'),
  BANATA_ALLOW_PRIVATE: z
    .string()
    .default('')
    .describe('Private networks sandboxes may reach, CIDRs divided by commas. Default: none.'),
  BANATA_HOST_PORTS: z
    .string()
    .default('')
    .describe(
      'Ports of this machine’s loopback that sandboxes reach at host.banata.internal, divided by commas. Default: none.',
    ),
  BANATA_DNS: z
    .string()
    .default('')
    .describe('DNS servers for sandboxes, divided by commas. Default: the host’s.'),
  BANATA_MODEL_ALLOW_HOSTS: z
    .string()
    .default('')
    .describe(
      'Private or loopback host:port pairs a model base URL may name, divided by commas. Default: none.',
    ),
  ...dailyModelSettings,
  BANATA_WEBHOOK_ALLOW_HOSTS: z
    .string()
    .default('')
    .describe(
      'Private or loopback host:port pairs webhooks may name, also with http, divided by commas. Default: none.',
    ),
  BANATA_DEBIAN_MIRROR: z
    .string()
    .optional()
    .describe('Debian mirror for the sandbox image. Default: Debian’s own.'),
  BANATA_EXTRA_CA: z
    .string()
    .optional()
    .describe('PEM file with CA certificates that sandboxes trust beside Debian’s. Default: none.'),
  BANATA_OWNER_EMAIL: z
    .string()
    .regex(/^[^\s@]+@[^\s@]+$/, 'an e-mail address')
    .default('owner@localhost')
    .describe(
      'Address of the owner that the first start makes; the password goes to owner-password in BANATA_HOME.',
    ),
  BANATA_SESSION_HOURS: z.coerce
    .number()
    .positive()
    .max(24 * 365)
    .default(24 * 7)
    .describe('How long a person stays signed in to the dashboard, hours.'),
  BANATA_TRUSTED_PROXIES: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .default(0)
    .describe(
      'Proxies in front of the server that add to X-Forwarded-For, so that sign-in limits and the audit log see the client’s address.',
    ),
  ...oidcSettings,
  BANATA_PLANS_FILE: z
    .string()
    .optional()
    .describe('JSON file with plans of your own, least one first. Default: free, builder, pro and scale.'),
  BANATA_DEFAULT_PLAN: z
    .string()
    .default('unlimited')
    .describe('Plan of organizations that were given none. `unlimited` has no limits.'),
  BANATA_RATE_LIMITS: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe(
      'Whether requests are limited per organization. `auto`: except for organizations on the plan `unlimited`.',
    ),
  BANATA_RATE_LIMIT_OVERRIDES: z
    .string()
    .default('')
    .describe(
      'Other rate limits, as name=perMinute/burst divided by commas, such as sandboxes.create=120/40. Default: the documented ones.',
    ),
  BANATA_BILLING_CHECKOUT_URL: z
    .url()
    .optional()
    .describe(
      'Your billing system: gets POST { organizationId, plan, currentPlan } and answers { url }. Default: none, checkout answers 501.',
    ),
  BANATA_BILLING_CHECKOUT_TOKEN: z.string().optional().describe('Sent to it as Authorization: Bearer.'),
  ...objectStoreSettings,
  BANATA_METRICS_TOKEN: z
    .string()
    .optional()
    .describe(
      'Bearer token for Prometheus at /metrics. Default: only direct requests from this machine are answered.',
    ),
  BANATA_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Least level that is logged.'),
  ...tracingSettings,
  ...modelSettings,
});

/** Settings whose values are not repeated in errors. */
const SECRET_NAME = /(_KEY|_URL|_TOKEN|_SECRET|_HEADERS)$/;

type Settings = z.infer<typeof settingsSchema>;

/** Values of the model variables (`OPENROUTER_API_KEY`, …) that are set, by name. */
export type ModelVariables = Record<string, string>;

/** The settings in the form the code uses. Sizes in bytes, times in ms. */
export interface Config extends ObjectStoreConfig, LastingConfig {
  home: string;
  cache: string;
  /** Six letters and digits that mark everything this installation makes on the host; derived from `home`. */
  instanceId: string;
  listen: { host: string; port: number };
  publicUrl: string | undefined;
  /** Host name below which port previews have theirs. */
  previewHost: string;
  /** Secret of the installation, hex; undefined: it is in a file. */
  secretKey: string | undefined;
  databaseUrl: string | undefined;
  region: string;
  driver: {
    subnet: string | undefined;
    poolBytes: number;
    reservePool: boolean | 'auto';
    warm: WarmCounts;
    allowPrivate: string[];
    maxSandboxes: number;
  };
  isolation: { default: 'container' | 'gvisor'; override: boolean; runscPath: string };
  /** Limits of the standard size. */
  limits: SizeLimits;
  /** Limits by name of the size. */
  sizes: Record<string, SizeLimits>;
  defaults: { maxDurationMs: number; idleTimeoutMs: number };
  hostPorts: number[];
  dns: string[];
  image: { debianMirror: string | undefined; extraCaFile: string | undefined };
  models: {
    variables: ModelVariables;
    allowHosts: string[];
    /** Of each organization; undefined: no bound. */
    daily: Record<'requests' | 'tokens' | 'costUsd' | 'seconds', number | undefined>;
    pricesFile: string | undefined;
  };
  webhooks: { allowHosts: string[] };
  access: {
    /** Lower case. */
    ownerEmail: string;
    sessionMs: number;
    oidc: OidcConfig | undefined;
  };
  trustedProxies: number;
  plans: { file: string | undefined; defaultPlan: string };
  rateLimits: {
    mode: Settings['BANATA_RATE_LIMITS'];
    /** By name of the limit. */
    overrides: Record<string, { perMinute: number; burst: number }>;
  };
  billing: { checkoutUrl: string; checkoutToken: string | undefined } | undefined;
  metricsToken: string | undefined;
  /** Undefined: nothing is traced. */
  tracing: TracingConfig | undefined;
  logLevel: Settings['BANATA_LOG_LEVEL'];
  /** Files and folders below `home`. */
  paths: {
    run: string;
    serverInfo: string;
    apiKey: string;
    ownerPassword: string;
    secret: string;
    postgres: string;
    artifacts: string;
    /** What waits for the object store. */
    spool: string;
    driver: string;
    serverLog: string;
  };
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535) {
    throw new ConfigError(
      `BANATA_HOST_PORTS: "${text}" is not a port. Give port numbers divided by commas, such as 11434,8000.`,
    );
  }
  return value;
}

function paths(home: string): Config['paths'] {
  const run = join(home, 'run');
  return {
    run,
    serverInfo: join(run, 'server.json'),
    apiKey: join(home, 'api-key'),
    ownerPassword: join(home, 'owner-password'),
    secret: join(home, 'secret'),
    postgres: join(home, 'postgres'),
    artifacts: join(home, 'artifacts'),
    spool: join(home, 'spool'),
    driver: join(home, 'oci'),
    serverLog: join(home, 'server.log'),
  };
}

function modelVariables(settings: Settings): ModelVariables {
  return Object.fromEntries(
    Object.entries(settings).filter(
      (entry): entry is [string, string] =>
        /^(OPENROUTER|OPENAI|ANTHROPIC)_/.test(entry[0]) && typeof entry[1] === 'string',
    ),
  );
}

function rateLimitOverrides(text: string): Config['rateLimits']['overrides'] {
  return Object.fromEntries(
    list(text).map((item) => {
      const [, name, perMinute, burst] = /^([\w.-]+)=(\d+(?:\.\d+)?)\/(\d+)$/.exec(item) ?? [];
      if (name === undefined || Number(perMinute) <= 0 || Number(burst) < 1) {
        throw new ConfigError(
          `BANATA_RATE_LIMIT_OVERRIDES: "${item}" is no rate limit. Give name=perMinute/burst, such as sandboxes.create=120/40.`,
        );
      }
      return [name, { perMinute: Number(perMinute), burst: Number(burst) }];
    }),
  );
}

function billing(s: Settings): Config['billing'] {
  if (s.BANATA_BILLING_CHECKOUT_URL === undefined) return undefined;
  return { checkoutUrl: s.BANATA_BILLING_CHECKOUT_URL, checkoutToken: s.BANATA_BILLING_CHECKOUT_TOKEN };
}

function instanceIdOf(home: string): string {
  return BigInt(`0x${createHash('sha256').update(home).digest('hex')}`)
    .toString(36)
    .slice(0, 6);
}

/**
 * Parses the environment. Empty variables count as unset.
 * @throws {ConfigError} naming the variable, its value and what is allowed.
 */
export function loadConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = String(issue?.path[0]);
    const value = SECRET_NAME.test(name) ? '…' : (env[name] ?? '');
    throw new ConfigError(`${name}="${value}": ${issue?.message ?? 'invalid'}. See docs/configuration.md.`);
  }
  const s = parsed.data;
  return {
    home: s.BANATA_HOME,
    cache: s.BANATA_CACHE,
    instanceId: instanceIdOf(s.BANATA_HOME),
    listen: { host: s.BANATA_HOST, port: s.BANATA_PORT },
    publicUrl: s.BANATA_PUBLIC_URL?.replace(/\/$/, ''),
    previewHost: s.BANATA_PREVIEW_HOST,
    secretKey: s.BANATA_SECRET_KEY,
    databaseUrl: s.DATABASE_URL,
    region: s.BANATA_REGION,
    driver: {
      subnet: s.BANATA_SUBNET,
      poolBytes: Math.round(s.BANATA_POOL_GIB * gib),
      reservePool: s.BANATA_POOL_RESERVE,
      warm: warmCounts(s),
      allowPrivate: list(s.BANATA_ALLOW_PRIVATE),
      maxSandboxes: s.BANATA_MAX_SANDBOXES,
    },
    isolation: {
      default: s.BANATA_ISOLATION,
      override: s.BANATA_ISOLATION_OVERRIDE,
      runscPath: s.BANATA_RUNSC,
    },
    ...sizesOf(s),
    ...lastingConfig(s),
    defaults: { maxDurationMs: s.BANATA_DEFAULT_DURATION_MS, idleTimeoutMs: s.BANATA_DEFAULT_IDLE_MS },
    hostPorts: list(s.BANATA_HOST_PORTS).map(port),
    dns: list(s.BANATA_DNS),
    image: { debianMirror: s.BANATA_DEBIAN_MIRROR, extraCaFile: s.BANATA_EXTRA_CA },
    models: {
      variables: modelVariables(s),
      allowHosts: list(s.BANATA_MODEL_ALLOW_HOSTS),
      daily: {
        requests: s.BANATA_MODEL_DAILY_REQUESTS,
        tokens: s.BANATA_MODEL_DAILY_TOKENS,
        costUsd: s.BANATA_MODEL_DAILY_COST_USD,
        seconds: s.BANATA_MODEL_DAILY_SECONDS,
      },
      pricesFile: s.BANATA_MODEL_PRICES_FILE,
    },
    webhooks: { allowHosts: list(s.BANATA_WEBHOOK_ALLOW_HOSTS) },
    access: {
      ownerEmail: s.BANATA_OWNER_EMAIL.toLowerCase(),
      sessionMs: s.BANATA_SESSION_HOURS * 60 * minute,
      oidc: oidcConfig(s),
    },
    trustedProxies: s.BANATA_TRUSTED_PROXIES,
    plans: { file: s.BANATA_PLANS_FILE, defaultPlan: s.BANATA_DEFAULT_PLAN },
    rateLimits: {
      mode: s.BANATA_RATE_LIMITS,
      overrides: rateLimitOverrides(s.BANATA_RATE_LIMIT_OVERRIDES),
    },
    billing: billing(s),
    ...objectStoreConfig(s),
    metricsToken: s.BANATA_METRICS_TOKEN,
    tracing: tracingConfig(s),
    logLevel: s.BANATA_LOG_LEVEL,
    paths: paths(s.BANATA_HOME),
  };
}
