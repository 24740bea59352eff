/** Bounds of the model gateway. */
export interface GatewayLimits {
  /** Largest request body. Default: 32 MiB. */
  maxBodyBytes: number;
  /** Until the model server begins to answer. Default: 120,000 ms. */
  firstByteMs: number;
  /** Between two pieces of an answer. Default: 120,000 ms. */
  idleMs: number;
  /** One call from end to end. Default: 1,800,000 ms. */
  totalMs: number;
  /** Calls of one sandbox at a time. Default: 32. */
  maxConcurrent: number;
}

export const DEFAULT_GATEWAY_LIMITS: GatewayLimits = {
  maxBodyBytes: 32 * 1024 * 1024,
  firstByteMs: 120_000,
  idleMs: 120_000,
  totalMs: 30 * 60_000,
  maxConcurrent: 32,
};
