import { BoxError, type BoxRoute, type BoxUpgrade } from './route.ts';

/** A part of the daemon whose code is loaded with the first request under its prefix. */
export interface LazyPart {
  /** First segment of its paths, such as `/browser`. */
  prefix: string;
  load(): Promise<{ routes: BoxRoute[]; upgrades: BoxUpgrade[] }>;
}

export interface RouteMatch {
  route: BoxRoute;
  params: Record<string, string>;
}

type Segment = { name: string } | { text: string };

interface Entry {
  route: BoxRoute;
  segments: Segment[];
}

/** Finds the route for a request; loads the lazy part that owns the path when it is not there yet. */
export class Router {
  readonly #entries: Entry[] = [];
  readonly #upgrades = new Map<string, BoxUpgrade>();
  readonly #lazy: LazyPart[];
  readonly #loads = new Map<string, Promise<void>>();

  constructor(parts: { routes?: BoxRoute[]; upgrades?: BoxUpgrade[]; lazy?: LazyPart[] }) {
    this.#add(parts.routes ?? [], parts.upgrades ?? []);
    this.#lazy = parts.lazy ?? [];
  }

  /** Throws a {@link BoxError} 404 or 405 when no route fits. */
  async match(method: string, path: string): Promise<RouteMatch> {
    await this.#loadFor(path);
    const segments = split(path);
    const allowed: string[] = [];
    for (const { route, segments: pattern } of this.#entries) {
      const params = matchSegments(pattern, segments);
      if (!params) continue;
      if (route.method === method) return { route, params };
      allowed.push(route.method);
    }
    if (allowed.length > 0) {
      const names = allowed.join(', ');
      throw new BoxError(405, 'METHOD_NOT_ALLOWED', `${method} is not allowed on ${path}; allowed: ${names}`);
    }
    throw new BoxError(
      404,
      'ROUTE_NOT_FOUND',
      `No route for ${method} ${path} in this version of the daemon`,
    );
  }

  /** Throws a {@link BoxError} 404 when the path takes no WebSocket. */
  async matchUpgrade(path: string): Promise<BoxUpgrade> {
    await this.#loadFor(path);
    const upgrade = this.#upgrades.get(path);
    if (!upgrade) throw new BoxError(404, 'ROUTE_NOT_FOUND', `No WebSocket at ${path}`);
    return upgrade;
  }

  async #loadFor(path: string): Promise<void> {
    const part = this.#lazy.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
    if (!part) return;
    let load = this.#loads.get(part.prefix);
    if (!load) {
      load = part.load().then(({ routes, upgrades }) => this.#add(routes, upgrades));
      this.#loads.set(part.prefix, load);
      load.catch(() => this.#loads.delete(part.prefix));
    }
    await load;
  }

  #add(routes: BoxRoute[], upgrades: BoxUpgrade[]): void {
    for (const route of routes) this.#entries.push({ route, segments: split(route.path).map(toSegment) });
    for (const upgrade of upgrades) this.#upgrades.set(upgrade.path, upgrade);
  }
}

function split(path: string): string[] {
  return path.split('/').slice(1);
}

function toSegment(text: string): Segment {
  return text.startsWith('{') && text.endsWith('}') ? { name: text.slice(1, -1) } : { text };
}

function matchSegments(pattern: Segment[], segments: string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? '';
    if ('text' in part) {
      if (part.text !== segment) return undefined;
    } else {
      if (segment === '') return undefined;
      params[part.name] = decode(segment);
    }
  }
  return params;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new BoxError(400, 'INVALID_PATH', `The path segment ${segment} is not valid percent-encoding`, {
      cause: error,
    });
  }
}
