import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import type { BaseLogger } from 'pino';
import type { OutboundGuard } from '../net/outbound-guard.ts';
import { callDemoModel } from './demo-model.ts';
import { matchCall, offeredCalls, type GatewayCall } from './gateway-call.ts';
import { gatewayToken, sessionsOf } from './gateway-headers.ts';
import { withEstimate } from './estimate-usage.ts';
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from './gateway-limits.ts';
import { boundedBody, callHttpUpstream, tooLarge, type UpstreamReply } from './http-upstream.ts';
import { KeyMask } from './key-mask.ts';
import type { ModelCredentials, ModelProvider, ModelUpstream } from './model-access.ts';
import type { ModelAccounts } from './model-accounts.ts';
import { MODEL_VARIABLES, variablesOf } from './model-variables.ts';
import { peekBody, type CallBody } from './peek-body.ts';
import { GatewayError, providerErrorResponse } from './provider-error.ts';
import { relay, type RelayOutcome } from './relay.ts';
import { UsageHider } from './usage-hider.ts';
import { createUsageMeter, type TokenUsage } from './usage-meter.ts';

/** The sandbox behind a token. */
export interface GatewaySandbox {
  sandboxId: string;
  credentials: ModelCredentials;
  /** Why it may call no model now; answered with 402. */
  problem?: string | null;
}

/** One model call that was answered, for metering. */
export interface ModelUsage extends TokenUsage {
  provider: ModelProvider;
  /** What was called, such as `chat/completions`. */
  operation: string;
  /** Model that was asked for; null where the request was not looked into. */
  requestedModel: string | null;
  /** Agent session that the call named, and the one that is a part of. Not to be trusted. */
  sessions: string[];
  /** Tasks on whose budgets the request was counted before; null: on none. */
  taskIds: string[] | null;
  /** Answered by the demo script. */
  isDemo: boolean;
  /** The figures are a guess by length, since the answer did not tell them. */
  isEstimate: boolean;
  /** Status of the model server's answer. */
  status: number;
  /** Only `completed` calls told all their figures. */
  outcome: RelayOutcome;
  durationMs: number;
}

export interface ModelGatewayOptions {
  /** Finds the sandbox of a token; undefined for an unknown one. */
  lookup: (token: string) => Promise<GatewaySandbox | undefined>;
  guard: OutboundGuard;
  /**
   * Holds calls to budgets: counts one, or throws a {@link GatewayError}; answers on whose budgets it counts. Default:
   * there are none.
   */
  admit?: ModelAccounts['admit'];
  /** Called once for each answered call, when its last byte has passed or it broke off. */
  recordUsage: (sandboxId: string, usage: ModelUsage) => void | Promise<void>;
  logger: Pick<BaseLogger, 'info' | 'warn'>;
  limits?: Partial<GatewayLimits>;
}

interface Admitted {
  /** Of the agent, as the call names them. */
  sessions: string[];
  provider: ModelProvider;
  sandboxId: string;
  upstream: ModelUpstream;
  call: GatewayCall;
}

/** Bounds how many calls each sandbox has under way. */
class Slots {
  readonly #taken = new Map<string, number>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Calls of a sandbox that are under way. */
  taken(sandboxId: string): number {
    return this.#taken.get(sandboxId) ?? 0;
  }

  /** Takes a slot; the answer gives it back, once however often it is called. */
  take(sandboxId: string): () => void {
    const taken = this.#taken.get(sandboxId) ?? 0;
    if (taken >= this.#max) {
      const message = `This sandbox has ${taken} model calls under way, the most at a time. Wait for one to end.`;
      throw new GatewayError(429, message, { 'retry-after': '1' });
    }
    this.#taken.set(sandboxId, taken + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#taken.get(sandboxId) ?? 1) - 1;
      if (left > 0) this.#taken.set(sandboxId, left);
      else this.#taken.delete(sandboxId);
    };
  }
}

/** Undefined where no HTTP connection is behind the request. */
function cutterOf(context: Context): (() => void) | undefined {
  const { outgoing } = (context.env ?? {}) as Partial<HttpBindings>;
  return outgoing === undefined ? undefined : () => void outgoing.destroy();
}

function requestBody(request: Request, limits: GatewayLimits): AsyncIterable<Uint8Array> | null {
  const hasBody = request.method === 'POST' && request.body !== null;
  return hasBody && request.body ? boundedBody(request.body, limits.maxBodyBytes) : null;
}

class Gateway {
  readonly #options: ModelGatewayOptions;
  readonly #limits: GatewayLimits;
  readonly #slots: Slots;

  constructor(options: ModelGatewayOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_GATEWAY_LIMITS, ...options.limits };
    this.#slots = new Slots(this.#limits.maxConcurrent);
  }

  async answer(context: Context, provider: ModelProvider): Promise<Response> {
    const startedAt = performance.now();
    let admitted: Admitted | null = null;
    try {
      admitted = await this.#admit(context, provider);
      return await this.#forward(context, admitted, startedAt);
    } catch (error) {
      const shown = error instanceof GatewayError ? error : this.#unexpected(error);
      this.#options.logger.warn(
        { event: 'model.refused', provider, sandboxId: admitted?.sandboxId, status: shown.status },
        shown.message,
      );
      return providerErrorResponse(provider, shown);
    }
  }

  #unexpected(error: unknown): GatewayError {
    this.#options.logger.warn({ event: 'model.error', err: error }, 'model gateway failed');
    return new GatewayError(
      500,
      'The model gateway failed. Try again; if it stays, tell the operator of this server.',
    );
  }

  async #admit(context: Context, provider: ModelProvider): Promise<Admitted> {
    const token = gatewayToken(context.req.raw.headers);
    const sandbox = token === null ? undefined : await this.#options.lookup(token);
    if (sandbox === undefined) {
      const { apiKey } = variablesOf(provider);
      throw new GatewayError(
        401,
        `Unknown token. Inside a sandbox use the value of ${apiKey}; it is good only while the sandbox lives.`,
      );
    }
    const rest = context.req.param('rest') ?? '';
    const query = new URL(context.req.url).searchParams;
    const call = matchCall(provider, { method: context.req.method, rest, query });
    if (call === null) {
      throw new GatewayError(
        404,
        `The model gateway does not offer this call. It offers ${offeredCalls(provider)}.`,
      );
    }
    if (sandbox.problem != null && call.operation !== 'models') throw new GatewayError(402, sandbox.problem);
    const upstream = sandbox.credentials[provider];
    if (upstream === undefined) {
      const { apiKey, baseUrl } = variablesOf(provider);
      throw new GatewayError(
        403,
        `This sandbox has no access to ${provider}. Create it with ${apiKey} or ${baseUrl} in its env.`,
      );
    }
    const length = Number(context.req.header('content-length') ?? 0);
    if (length > this.#limits.maxBodyBytes) throw tooLarge(this.#limits.maxBodyBytes);
    const sessions = sessionsOf(context.req.raw.headers);
    return { provider, sandboxId: sandbox.sandboxId, upstream, call, sessions };
  }

  async #forward(context: Context, admitted: Admitted, startedAt: number): Promise<Response> {
    const request = context.req.raw;
    const giveBack = this.#slots.take(admitted.sandboxId);
    const hangUp = new AbortController();
    const signal = AbortSignal.any([request.signal, hangUp.signal]);
    const timer = setTimeout(() => hangUp.abort(), this.#limits.totalMs);
    const release = (): void => {
      clearTimeout(timer);
      giveBack();
      hangUp.abort();
    };
    try {
      const body = await peekBody(requestBody(request, this.#limits), {
        provider: admitted.provider,
        operation: admitted.call.operation,
        isPlain: (request.headers.get('content-encoding') ?? 'identity') === 'identity',
      });
      const taskIds = await this.#charge(admitted);
      const reply = await this.#call(request, admitted, body, signal);
      const mask = new KeyMask(admitted.upstream.kind === 'http' ? admitted.upstream.apiKey : null);
      const meter = createUsageMeter(admitted.provider, reply.headers['content-type']);
      let hasEnded = false;
      const onEnd = (outcome: RelayOutcome, replyBytes: number): void => {
        if (hasEnded) return;
        hasEnded = true;
        release();
        const { status } = reply;
        const isStream = reply.headers['content-type']?.startsWith('text/event-stream') === true;
        const { operation } = admitted.call;
        const figures = { operation, status, requestBytes: body.received(), replyBytes, isStream };
        this.#record(admitted, {
          ...withEstimate(meter.result(), figures),
          status,
          outcome,
          durationMs: Math.round(performance.now() - startedAt),
          requestedModel: body.model,
          taskIds,
        });
      };
      const relayed = relay(reply.body, {
        mask,
        meter,
        hider: body.hidesUsage ? new UsageHider() : null,
        onEnd,
        cut: cutterOf(context),
      });
      // The reader may leave before it has asked for the first byte, and then nobody cancels the stream.
      signal.addEventListener('abort', () =>
        onEnd(request.signal.aborted ? 'client_closed' : 'upstream_failed', relayed.passed()),
      );
      const headers = Object.entries(reply.headers)
        // Without what is hidden the answer is shorter.
        .filter(([name]) => name !== 'content-length' || !body.hidesUsage)
        .map(([name, value]) => [name, mask.text(value)] as const);
      return new Response(relayed.stream, { status: reply.status, headers: Object.fromEntries(headers) });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Counts a call on the budgets that it falls under, which a list of models does on none. */
  async #charge({ sandboxId, sessions, call }: Admitted): Promise<string[] | null> {
    const { admit } = this.#options;
    if (admit === undefined || call.operation === 'models') return null;
    return admit(sandboxId, { sessions, underWay: this.#slots.taken(sandboxId) });
  }

  async #call(
    { headers }: Request,
    { provider, upstream, call }: Admitted,
    body: CallBody,
    signal: AbortSignal,
  ): Promise<UpstreamReply> {
    if (upstream.kind === 'demo')
      return callDemoModel({ operation: call.operation, body: body.content, signal });
    const { guard } = this.#options;
    return callHttpUpstream({ provider, upstream, call, headers, body, signal, guard, limits: this.#limits });
  }

  #record(
    { provider, sandboxId, call, sessions, upstream }: Admitted,
    measured: Omit<ModelUsage, 'provider' | 'operation' | 'sessions' | 'isDemo'>,
  ): void {
    const isDemo = upstream.kind === 'demo';
    const usage: ModelUsage = { provider, operation: call.operation, sessions, isDemo, ...measured };
    this.#options.logger.info({ event: 'model.call', sandboxId, ...usage }, 'model call');
    Promise.resolve()
      .then(() => this.#options.recordUsage(sandboxId, usage))
      .catch((error: unknown) => {
        this.#options.logger.warn({ event: 'model.usage', sandboxId, err: error }, 'usage was not recorded');
      });
  }
}

/**
 * The model gateway: sandboxes call models with their own token, and the real key is put in here. Mount it at `/model`
 * on the boxes' listener. Answers of a model server pass through as they come; errors have the provider's own shape.
 */
export function createModelGateway(options: ModelGatewayOptions): Hono {
  const gateway = new Gateway(options);
  const app = new Hono();
  for (const { provider } of MODEL_VARIABLES) {
    app.all(`/${provider}/:rest{.*}`, (context) => gateway.answer(context, provider));
  }
  app.all('*', () =>
    providerErrorResponse(
      'openai',
      new GatewayError(
        404,
        `The model gateway serves ${MODEL_VARIABLES.map((item) => item.gatewayPath).join(', ')}.`,
      ),
    ),
  );
  return app;
}
