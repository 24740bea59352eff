import type { TokenUsage } from './usage-meter.ts';

/** Bytes of text that make a token, roughly. Source: OpenAI's help pages, "about 4 characters" in English. */
const BYTES_PER_TOKEN = 4;
/** In a stream each token comes wrapped in an event of its own. */
const STREAMED_BYTES_PER_TOKEN = 32;

/** Calls that use tokens. */
const COUNTED = new Set(['chat/completions', 'completions', 'responses', 'messages', 'embeddings']);

/**
 * Puts a guess by length where an answer told no figures, as one that was cut does not: what is not counted could not
 * be bounded. What was refused counts nothing.
 */
export function withEstimate(
  usage: TokenUsage,
  call: { operation: string; status: number; requestBytes: number; replyBytes: number; isStream: boolean },
): TokenUsage & { isEstimate: boolean } {
  const isEstimate = usage.inputTokens === null || usage.outputTokens === null;
  if (!isEstimate || call.status >= 400 || !COUNTED.has(call.operation))
    return { ...usage, isEstimate: false };
  const perToken = call.isStream ? STREAMED_BYTES_PER_TOKEN : BYTES_PER_TOKEN;
  return {
    ...usage,
    inputTokens: usage.inputTokens ?? Math.ceil(call.requestBytes / BYTES_PER_TOKEN),
    outputTokens: Math.max(usage.outputTokens ?? 0, Math.ceil(call.replyBytes / perToken)),
    isEstimate: true,
  };
}
