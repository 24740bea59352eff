import { z } from 'zod';

type Json = Record<string, unknown>;

const DEFS = '#/$defs/';
const COMPONENTS = '#/components/schemas/';
/** Zod's name for a recursive schema without an id; `z.json()` is the only one. */
const ANONYMOUS = /^__schema\d+$/;

/**
 * JSON schemas for an OpenAPI document: schemas with an id (`.meta({ id })`) go into `components` once and are referred
 * to from everywhere.
 */
export class SchemaBook {
  readonly #components = new Map<string, Json>();

  /** For `components.schemas`. */
  get components(): Json {
    return Object.fromEntries([...this.#components].toSorted(([a], [b]) => a.localeCompare(b)));
  }

  /** @param io whether the schema is that of what callers send, or of what they get. */
  schema(schema: z.ZodType, io: 'input' | 'output'): Json {
    // Inside another one, so that the schema's own id counts too.
    const { properties, $defs } = z.toJSONSchema(z.object({ root: schema }), {
      io,
      target: 'draft-2020-12',
      unrepresentable: 'any',
    });
    for (const [name, definition] of Object.entries($defs ?? {}))
      this.#add(componentName(name), relink(definition));
    return relink(properties?.['root']) as Json;
  }

  #add(name: string, definition: unknown): void {
    const known = this.#components.get(name);
    if (known && JSON.stringify(known) !== JSON.stringify(definition)) {
      throw new Error(`Two different schemas have the id ${name} in the OpenAPI document; rename one.`);
    }
    this.#components.set(name, definition as Json);
  }
}

function componentName(name: string): string {
  return ANONYMOUS.test(name) ? 'JsonValue' : name;
}

/** The schema with its references leading to `components`. */
function relink(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relink);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'id' || typeof (value as Json)['id'] !== 'string')
      .map(([key, item]) =>
        key === '$ref' && typeof item === 'string' && item.startsWith(DEFS)
          ? [key, COMPONENTS + componentName(item.slice(DEFS.length))]
          : [key, relink(item)],
      ),
  );
}
