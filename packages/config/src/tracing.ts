import { z } from 'zod';
import { ConfigError } from './config-error.ts';

/**
 * OpenTelemetry's own variables, as far as this server knows them.
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'OpenTelemetry collector that gets traces, such as http://127.0.0.1:4318; they are posted to /v1/traces below it. Default: none, nothing is traced.',
    ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('The same as the whole URL, taken as it is.'),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .default('')
    .describe('Headers for the collector, as name=value divided by commas, values percent-encoded.'),
  OTEL_EXPORTER_OTLP_PROTOCOL: z
    .string()
    .default('http/json')
    .describe('How traces are sent. Only http/json is known; collectors take it at the port of OTLP/HTTP.'),
  OTEL_EXPORTER_OTLP_TIMEOUT: z.coerce
    .number()
    .int()
    .positive()
    .default(10_000)
    .describe('Longest time for one batch of spans, retries included, ms.'),
  OTEL_SERVICE_NAME: z.string().default('banata').describe('Name of this server in traces.'),
  OTEL_RESOURCE_ATTRIBUTES: z
    .string()
    .default('')
    .describe(
      'Further attributes of this server in traces, as name=value divided by commas, values percent-encoded.',
    ),
  OTEL_TRACES_SAMPLER: z
    .enum([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ])
    .default('parentbased_always_on')
    .describe('Which requests are traced. `parentbased`: callers that send `traceparent` decide themselves.'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of the requests that `traceidratio` traces.'),
  OTEL_BSP_MAX_QUEUE_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(2048)
    .describe('Most spans that wait for the collector; later ones are dropped.'),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(512)
    .describe('Most spans in one request.'),
  OTEL_BSP_SCHEDULE_DELAY: z.coerce
    .number()
    .int()
    .min(10)
    .max(60_000)
    .default(5_000)
    .describe('Longest time spans wait for a batch to fill, ms.'),
  OTEL_SDK_DISABLED: z.stringbool().default(false).describe('Trace nothing, whatever else is set.'),
};

type Settings = z.output<z.ZodObject<typeof tracingSettings>>;

/** Where traces go and what is traced. */
export interface TracingConfig {
  url: string;
  headers: Record<string, string>;
  timeoutMs: number;
  serviceName: string;
  attributes: Record<string, string>;
  sampler: { kind: 'always_on' | 'always_off' | 'traceidratio'; ratio: number; parentBased: boolean };
  queue: { most: number; batch: number; delayMs: number };
}

/**
 * Undefined: nothing is traced.
 * @throws {ConfigError} naming the variable.
 */
export function tracingConfig(s: Settings): TracingConfig | undefined {
  const url = s.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? below(s.OTEL_EXPORTER_OTLP_ENDPOINT);
  if (url === undefined || s.OTEL_SDK_DISABLED) return undefined;
  if (s.OTEL_EXPORTER_OTLP_PROTOCOL !== 'http/json') {
    throw new ConfigError(
      `OTEL_EXPORTER_OTLP_PROTOCOL="${s.OTEL_EXPORTER_OTLP_PROTOCOL}": traces are sent as http/json only. Name the collector’s port for OTLP/HTTP (4318 as a rule) in OTEL_EXPORTER_OTLP_ENDPOINT and set http/json.`,
    );
  }
  const kind = s.OTEL_TRACES_SAMPLER.replace('parentbased_', '') as TracingConfig['sampler']['kind'];
  return {
    url,
    headers: pairs('OTEL_EXPORTER_OTLP_HEADERS', s.OTEL_EXPORTER_OTLP_HEADERS),
    timeoutMs: s.OTEL_EXPORTER_OTLP_TIMEOUT,
    serviceName: s.OTEL_SERVICE_NAME,
    attributes: pairs('OTEL_RESOURCE_ATTRIBUTES', s.OTEL_RESOURCE_ATTRIBUTES),
    sampler: {
      kind,
      ratio: s.OTEL_TRACES_SAMPLER_ARG,
      parentBased: s.OTEL_TRACES_SAMPLER.startsWith('parentbased_'),
    },
    queue: {
      most: s.OTEL_BSP_MAX_QUEUE_SIZE,
      batch: Math.min(s.OTEL_BSP_MAX_EXPORT_BATCH_SIZE, s.OTEL_BSP_MAX_QUEUE_SIZE),
      delayMs: s.OTEL_BSP_SCHEDULE_DELAY,
    },
  };
}

function below(endpoint: string | undefined): string | undefined {
  return endpoint === undefined ? undefined : `${endpoint.replace(/\/+$/, '')}/v1/traces`;
}

/** The values may be secret, so they are not repeated in errors. */
function pairs(variable: string, text: string): Record<string, string> {
  const items = text.split(',').filter((item) => item.trim() !== '');
  return Object.fromEntries(
    items.map((item, index) => {
      const [, name, value] = /^\s*([\w.-]+)\s*=(.*)$/.exec(item) ?? [];
      if (name === undefined || value === undefined) {
        throw new ConfigError(
          `${variable}: item ${index + 1} is not name=value. Give name=value divided by commas, values percent-encoded.`,
        );
      }
      try {
        return [name, decodeURIComponent(value.trim())];
      } catch {
        throw new ConfigError(`${variable}: the value of "${name}" is not percent-encoded as it should be.`);
      }
    }),
  );
}
