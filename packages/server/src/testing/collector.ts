import { z } from 'zod';
import { Receiver } from './receiver.ts';

const attributeSchema = z.object({
  key: z.string(),
  value: z.object({
    stringValue: z.string().optional(),
    intValue: z.union([z.number(), z.string()]).optional(),
    doubleValue: z.number().optional(),
    boolValue: z.boolean().optional(),
  }),
});

/** What `POST /v1/traces` carries as JSON, as far as tests look at it. */
const tracesSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attributeSchema) }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().optional(),
              name: z.string(),
              kind: z.number(),
              startTimeUnixNano: z.string(),
              endTimeUnixNano: z.string(),
              attributes: z.array(attributeSchema),
              status: z.object({ code: z.number().optional() }),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** A span as a collector got it. */
export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  /** 1 internal, 2 server, 3 client. */
  kind: number;
  startNs: bigint;
  endNs: bigint;
  attributes: Record<string, string | number | boolean | undefined>;
  failed: boolean;
}

/** An OpenTelemetry collector for tests: takes OTLP over HTTP as JSON, and keeps it. */
export class Collector implements AsyncDisposable {
  readonly #receiver: Receiver;

  private constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  static async start(): Promise<Collector> {
    return new Collector(
      await Receiver.start((response) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
      ),
    );
  }

  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  get url(): string {
    return `http://${this.#receiver.host}`;
  }

  /** Everything that came, as text. */
  get text(): string {
    return this.#receiver.received.map(({ path, body }) => `${path} ${body}`).join('\n');
  }

  get spans(): CollectedSpan[] {
    return this.#receiver.received
      .filter(({ path }) => path === '/v1/traces')
      .flatMap(({ body }) => tracesSchema.parse(JSON.parse(body)).resourceSpans)
      .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
      .map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        name: span.name,
        kind: span.kind,
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
        attributes: Object.fromEntries(
          span.attributes.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
            key,
            stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue) : Number(intValue)),
          ]),
        ),
        failed: span.status.code === 2,
      }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#receiver[Symbol.asyncDispose]();
  }
}

/** The spans of a trace below one of them, as a tree of names. */
export type SpanTree = { [name: string]: SpanTree };

export function treeBelow(spans: readonly CollectedSpan[], parentSpanId: string | undefined): SpanTree {
  return Object.fromEntries(
    spans
      .filter((span) => span.parentSpanId === parentSpanId)
      .toSorted((a, b) => Number(a.startNs - b.startNs))
      .map((span) => [span.name, treeBelow(spans, span.spanId)]),
  );
}
