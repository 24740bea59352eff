import { ApiError, newId, type AuditEntry, type RouteDefinition } from '@banata/protocol';
import type { Caller } from '../services/access.ts';

const MAX_TEXT = 300;
/** Facts every entry keeps, where query, body or reply have them. */
const IDS = ['id', 'taskId'];

/** What the audit log is going to say of one request. Only named fields get in, so that no secret does. */
export class AuditNote {
  readonly #route: RouteDefinition;
  readonly #request: { ip: string; requestId: string };
  readonly #objects: Record<string, unknown> = {};
  #organizationId: string | undefined;
  #actor: AuditEntry['actor'] = { kind: 'anonymous', id: null, name: null };

  constructor(route: RouteDefinition, request: { ip: string; requestId: string }) {
    this.#route = route;
    this.#request = request;
  }

  /** Address of the client. */
  get address(): string {
    return this.#request.ip;
  }

  /** Who makes the request. */
  by({ organizationId, actor }: Pick<Caller, 'organizationId' | 'actor'>): void {
    this.#organizationId = organizationId;
    this.#actor = actor;
  }

  /** Someone unknown makes the request, and it is about this organization. */
  concerns(organizationId: string, objects: Record<string, string>): void {
    this.#organizationId = organizationId;
    Object.assign(this.#objects, objects);
  }

  /** Takes ids, and the fields that the route names, out of a query, a body or a reply. */
  about(source: object): void {
    for (const [name, value] of Object.entries(source)) {
      const wanted = IDS.includes(name) || this.#route.audit?.includes(name);
      if (wanted && !(name in this.#objects)) this.#objects[name] = plain(value);
    }
  }

  /** The entry, and the organization it belongs to; undefined when it belongs to none. */
  entry(
    end: { status: number } | { error: unknown },
  ): { organizationId: string; entry: AuditEntry } | undefined {
    if (this.#organizationId === undefined) return undefined;
    const error = 'error' in end ? end.error : undefined;
    const known = error instanceof ApiError ? error : undefined;
    const status = 'status' in end ? end.status : (known?.status ?? 500);
    const entry: AuditEntry = {
      id: newId(),
      at: Date.now(),
      actor: this.#actor,
      route: this.#route.id,
      objects: this.#objects,
      outcome: status < 400 ? 'done' : status < 500 ? 'refused' : 'failed',
      status,
      code: 'error' in end ? (known?.code ?? 'INTERNAL') : null,
      ...this.#request,
    };
    return { organizationId: this.#organizationId, entry };
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, MAX_TEXT);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (Array.isArray(value)) return value.slice(0, 50).map(plain);
  return undefined;
}
