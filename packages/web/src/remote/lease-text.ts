/** Time that is left, as minutes and seconds; null when there is no end. @param now Clock of the server, epoch ms. */
export function leaseText(leaseUntil: number | null, now: number): string | null {
  if (leaseUntil === null) return null;
  const seconds = Math.max(0, Math.ceil((leaseUntil - now) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
