import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import type { BaseLogger } from 'pino';
import type { OutboundGuard } from '../net/outbound-guard.ts';
import { callDemoModel } from './demo-model.ts';
import { matchCall, offeredCalls, type GatewayCall } from './gateway-call.ts';
import { gatewayToken } from './gateway-headers.ts';
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from './gateway-limits.ts';
import { callHttpUpstream, tooLarge, type UpstreamReply } from './http-upstream.ts';
import { KeyMask } from './key-mask.ts';
import type { ModelCredentials, ModelProvider, ModelUpstream } from './model-access.ts';
import { MODEL_VARIABLES, variablesOf } from './model-variables.ts';
import { GatewayError, providerErrorResponse } from './provider-error.ts';
import { relay, type RelayOutcome } from './relay.ts';
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
  /** Called once for each answered call, when its last byte has passed or it broke off. */
  recordUsage: (sandboxId: string, usage: ModelUsage) => void | Promise<void>;
  logger: Pick<BaseLogger, 'info' | 'warn'>;
  limits?: Partial<GatewayLimits>;
}

interface Admitted {
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
    return { provider, sandboxId: sandbox.sandboxId, upstream, call };
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
      const reply = await this.#call(request, admitted, signal);
      const mask = new KeyMask(admitted.upstream.kind === 'http' ? admitted.upstream.apiKey : null);
      const meter = createUsageMeter(admitted.provider, reply.headers['content-type']);
      let hasEnded = false;
      const onEnd = (outcome: RelayOutcome): void => {
        if (hasEnded) return;
        hasEnded = true;
        release();
        const durationMs = Math.round(performance.now() - startedAt);
        this.#record(admitted, { ...meter.result(), status: reply.status, outcome, durationMs });
      };
      // The reader may leave before it has asked for the first byte, and then nobody cancels the stream.
      signal.addEventListener('abort', () =>
        onEnd(request.signal.aborted ? 'client_closed' : 'upstream_failed'),
      );
      const headers = Object.entries(reply.headers).map(([name, value]) => [name, mask.text(value)] as const);
      return new Response(relay(reply.body, { mask, meter, onEnd, cut: cutterOf(context) }), {
        status: reply.status,
        headers: Object.fromEntries(headers),
      });
    } catch (error) {
      release();
      throw error;
    }
  }

  async #call(
    request: Request,
    { provider, upstream, call }: Admitted,
    signal: AbortSignal,
  ): Promise<UpstreamReply> {
    const { body, headers } = request;
    if (upstream.kind === 'demo') return callDemoModel({ operation: call.operation, body, signal });
    const { guard } = this.#options;
    return callHttpUpstream({ provider, upstream, call, headers, body, signal, guard, limits: this.#limits });
  }

  #record(
    { provider, sandboxId, call }: Admitted,
    measured: Omit<ModelUsage, 'provider' | 'operation'>,
  ): void {
    const usage: ModelUsage = { provider, operation: call.operation, ...measured };
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
