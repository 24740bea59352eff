const UNITS: readonly [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** A duration in ms in its largest unit or two: `45 s`, `12 min`, `3 h 20 min`. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, ms);
  const index = UNITS.findIndex(([, size]) => whole >= size);
  const first = UNITS[index];
  if (!first) return '0 s';
  const [unit, size] = first;
  const text = `${Math.floor(whole / size)} ${unit}`;
  const next = UNITS[index + 1];
  // Seconds beside minutes flicker and tell nothing.
  if (!next || next[0] === 's') return text;
  const rest = Math.floor((whole % size) / next[1]);
  return rest > 0 ? `${text} ${rest} ${next[0]}` : text;
}

/** Bytes for people: `512 B`, `1.4 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
