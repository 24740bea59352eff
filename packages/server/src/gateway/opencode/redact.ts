const SECRET = /^(api_?key|key|token|secret|password|authorization|access|refresh)$/i;
const MAX_DEPTH = 40;

/** A copy of JSON without the texts that stand under the name of a credential, at any depth. */
export function withoutCredentials(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map((item) => withoutCredentials(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(
    ([name, content]) => !(SECRET.test(name) && typeof content === 'string'),
  );
  return Object.fromEntries(entries.map(([name, content]) => [name, withoutCredentials(content, depth + 1)]));
}
