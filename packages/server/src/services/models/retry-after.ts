/** Longest wait a model server may ask of a sandbox. */
const MAX_WAIT_S = 3600;

/**
 * Caps a wait that a model server asks for: clients obey what they are told, and a timer that is told too much fires
 * at once. Undefined for what is no wait.
 * @param now epoch ms.
 */
export function cappedWait(name: string, value: string, now: number): string | undefined {
  const perSecond = name === 'retry-after-ms' ? 1000 : 1;
  const max = MAX_WAIT_S * perSecond;
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Number(value) > max ? String(max) : value.trim();
  const at = Date.parse(value);
  if (Number.isNaN(at) || name !== 'retry-after') return undefined;
  return at - now > max * 1000 ? String(max) : value;
}
