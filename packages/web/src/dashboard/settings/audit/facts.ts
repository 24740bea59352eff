/** The plain facts of an audit entry, as `name: value`. */
export function factsOf(objects: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(objects).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
}
