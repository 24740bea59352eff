import type { TracingConfig } from '@banata/config';
import { ApiError } from '@banata/protocol';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { ExportResultCode, parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from '../logger.ts';
import { version } from '../version.ts';
import type { OpenSpan, SpanAttributes, SpanRequest, Tracing } from './tracing.ts';

/** Longest time the end of the server waits for the collector. */
const CLOSE_MS = 2_000;
const MAX_ATTRIBUTE_CHARS = 512;

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL };

/**
 * Traces to an OpenTelemetry collector. Spans wait in a bounded queue and are sent in batches beside the work; when the
 * queue is full, or the collector does not answer, they are dropped.
 */
export class OtlpTracing implements Tracing {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  // The API's own context manager is one per process, and several servers may run in one.
  readonly #contexts = new AsyncLocalStorage<Context>();

  constructor(config: TracingConfig, logger: Logger, instanceId: string) {
    const { url, headers, timeoutMs, queue } = config;
    const exporter = new OTLPTraceExporter({ url, headers, timeoutMillis: timeoutMs });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': config.serviceName,
        'service.version': version,
        'service.instance.id': instanceId,
        ...config.attributes,
      }),
      sampler: samplerOf(config),
      spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE_CHARS },
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: tellingOfFailures(exporter, logger),
          maxQueueSize: queue.most,
          maxExportBatchSize: queue.batch,
          scheduledDelayMillis: queue.delayMs,
          exportTimeoutMillis: timeoutMs,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer('banata', version);
  }

  get traceparent(): string | undefined {
    const span = trace.getSpanContext(this.#around);
    if (!span) return undefined;
    return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
  }

  async run<T>(request: SpanRequest, work: (span: OpenSpan) => Promise<T>): Promise<T> {
    const parent = this.#parentOf(request);
    if (request.onlyInside && !trace.getSpanContext(parent)) return work({ set() {}, fail() {} });
    const span = this.#start(request, parent);
    try {
      return await this.#contexts.run(trace.setSpan(parent, span), () => work(openSpan(span)));
    } catch (error) {
      if (error instanceof ApiError) span.setAttribute('banata.error.code', error.code);
      // What a caller did wrong is no failure of the server.
      if (!(error instanceof ApiError) || error.status >= 500) fail(span, failureType(error));
      throw error;
    } finally {
      span.end();
    }
  }

  record(request: SpanRequest & { startAt: number; endAt: number; failure?: string | undefined }): void {
    const parent = this.#parentOf(request);
    if (request.onlyInside && !trace.getSpanContext(parent)) return;
    const span = this.#start(request, parent, request.startAt);
    if (request.failure !== undefined) fail(span, request.failure);
    span.end(request.endAt);
  }

  apart<T>(work: () => T): T {
    return this.#contexts.run(ROOT_CONTEXT, work);
  }

  async close(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    // What cannot be sent any more was logged by the exporter.
    await Promise.race([this.#provider.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  }

  get #around(): Context {
    return this.#contexts.getStore() ?? ROOT_CONTEXT;
  }

  /** A `traceparent` that is none counts as absent. */
  #parentOf({ parent }: SpanRequest): Context {
    const remote = parent === undefined ? null : parseTraceParent(parent);
    return remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : this.#around;
  }

  #start({ name, kind = 'internal', attributes }: SpanRequest, parent: Context, startAt?: number): Span {
    return this.#tracer.startSpan(
      name,
      {
        kind: kinds[kind],
        attributes: defined(attributes),
        ...(startAt !== undefined && { startTime: startAt }),
      },
      parent,
    );
  }
}

function openSpan(span: Span): OpenSpan {
  return {
    set: (attributes) => void span.setAttributes(defined(attributes)),
    fail: (type) => fail(span, type),
  };
}

function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** A code or a class: texts of errors may hold what callers sent. */
function failureType(error: unknown): string {
  if (error instanceof ApiError) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}

function defined(attributes: SpanAttributes = {}): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

function samplerOf({ sampler: { kind, ratio, parentBased } }: TracingConfig): Sampler {
  const root = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  }[kind]();
  return parentBased ? new ParentBasedSampler({ root }) : root;
}

/** Logs when the collector stops taking spans and when it takes them again, not each time in between. */
function tellingOfFailures(exporter: SpanExporter, logger: Logger): SpanExporter {
  let failing = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.code !== ExportResultCode.SUCCESS;
        if (failed && !failing) {
          logger.warn(
            { event: 'tracing.failed', reason: result.error?.message, lost: spans.length },
            'the collector takes no traces; they are dropped until it does',
          );
        } else if (!failed && failing) {
          logger.info({ event: 'tracing.recovered' }, 'the collector takes traces again');
        }
        failing = failed;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
