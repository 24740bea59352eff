/** Facts on a span. Never content, environments, keys or tokens: collectors are other people's machines. */
export type SpanAttributes = Record<string, string | number | boolean | undefined>;

export interface SpanRequest {
  /** Few different ones: ids belong into the attributes. */
  name: string;
  /** Default `internal`. */
  kind?: 'server' | 'client' | 'internal';
  attributes?: SpanAttributes;
  /** W3C `traceparent` of the span it belongs to, from elsewhere. Default: the span around it. */
  parent?: string | undefined;
  /** No span where there is none around it: work that goes on all the time by itself. */
  onlyInside?: boolean;
}

/** A span that is under way. */
export interface OpenSpan {
  set(attributes: SpanAttributes): void;
  /** Marks it as failed. @param type a code, such as `SANDBOX_TIMEOUT`. */
  fail(type: string): void;
}

/** Tells an OpenTelemetry collector what a server does and how long it takes. */
export interface Tracing {
  /** Runs work in a span; what it throws marks the span as failed, unless it is a caller's mistake. Calls inside make spans below it. */
  run<T>(request: SpanRequest, work: (span: OpenSpan) => Promise<T>): Promise<T>;
  /** A span of something that is over. Times are epoch ms. */
  record(request: SpanRequest & { startAt: number; endAt: number; failure?: string | undefined }): void;
  /** Runs work that belongs to no span, such as what goes on after the request that began it. */
  apart<T>(work: () => T): T;
  /** W3C `traceparent` of the span around, for calls to others; undefined where there is none. */
  readonly traceparent: string | undefined;
  /** Sends what is left, for a short time. */
  close(): Promise<void>;
}

const ignored: OpenSpan = { set: () => undefined, fail: () => undefined };

/** Traces nothing, and costs nothing. */
export const noTracing: Tracing = {
  run: (_request, work) => work(ignored),
  record: () => undefined,
  apart: (work) => work(),
  traceparent: undefined,
  close: () => Promise.resolve(),
};
