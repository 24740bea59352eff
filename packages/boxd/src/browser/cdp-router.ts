import { readEnvelope, renumber } from './cdp-envelope.ts';
import type { CdpEnvelope } from './cdp-envelope.ts';
import { ScriptContexts } from './script-contexts.ts';
import { refusalReply, refuseAlways } from './cdp-policy.ts';
import type { CdpClientKind, CdpEventPolicy, CdpPolicy, CdpRefusal, CdpRewrite } from './cdp-policy.ts';

/** What the owner of the router has to do, in this order. */
export type CdpAction =
  | { type: 'to-browser'; text: string }
  | { type: 'to-client'; client: number; text: string }
  /** The client's session is up: its messages may be read from now on. */
  | { type: 'attached'; client: number }
  | { type: 'close-client'; client: number; reason: string }
  /** A target waits for its debugger: call {@link CdpRouter.resume} after a bound. */
  | { type: 'resume-later'; sessionId: string }
  | { type: 'own-reply'; id: number; result: unknown; error: string | undefined }
  | { type: 'own-event'; method: string; params: unknown; sessionId: string | undefined };

/** Calls that one client may have unanswered. */
const MAX_PENDING_PER_CLIENT = 10_000;

interface Client {
  kind: CdpClientKind;
  root: string | undefined;
  pending: number;
}

type Pending =
  | { for: 'own' }
  | { for: 'nobody' }
  | { for: 'attach'; client: number }
  | { for: 'client'; client: number; id: number; method: string; sessionId: string | undefined };

interface Session {
  client: number;
  parent: string | undefined;
}

const ATTACH_METHODS = new Set(['Target.attachToTarget', 'Target.attachToBrowserTarget']);

interface ClientMessage {
  id: number;
  method: string;
  params: Record<string, unknown> | undefined;
  sessionId: string | undefined;
}

/**
 * Lets several CDP clients share one browser connection. Each client gets a session of its own on the browser
 * target, so auto-attach, discovery and domain state are per client; message ids are renumbered on the way in and
 * restored on the way out; a child session belongs to the client in whose session it was announced. Pure: it
 * reads messages and answers what to send, and holds no socket and no timer.
 */
export class CdpRouter {
  readonly #clients = new Map<number, Client>();
  readonly #sessions = new Map<string, Session>();
  readonly #pending = new Map<number, Pending>();
  readonly #waiting = new Set<string>();
  readonly #contexts = new ScriptContexts();
  readonly #policy: CdpPolicy;
  readonly #eventPolicy: CdpEventPolicy;
  readonly #rewrite: CdpRewrite;
  #lastId = 0;
  #lastClient = 0;

  /**
   * @param policy asked for each message of a client after the standing refusals; answers why it is refused.
   * @param eventPolicy asked for each event to a client.
   * @param rewrite changes the parameters of messages that were let through.
   */
  constructor(
    policy: CdpPolicy,
    eventPolicy: CdpEventPolicy = () => 'pass',
    rewrite: CdpRewrite = (_method, params) => params,
  ) {
    this.#policy = policy;
    this.#rewrite = rewrite;
    this.#eventPolicy = eventPolicy;
  }

  /** Sessions, clients and calls that the router remembers. */
  get size(): { clients: number; sessions: number; pending: number; waiting: number } {
    return {
      clients: this.#clients.size,
      sessions: this.#sessions.size,
      pending: this.#pending.size,
      waiting: this.#waiting.size,
    };
  }

  /** A call of the daemon's own; the answer comes back as `own-reply` with the same id. */
  call(method: string, params: unknown, sessionId: string | undefined): { id: number; actions: CdpAction[] } {
    const id = this.#register({ for: 'own' });
    return { id, actions: [{ type: 'to-browser', text: JSON.stringify({ id, method, params, sessionId }) }] };
  }

  /** Opens a client on the browser, or on one page when `targetId` is given. */
  open(kind: CdpClientKind, targetId?: string): { client: number; actions: CdpAction[] } {
    const client = ++this.#lastClient;
    this.#clients.set(client, { kind, root: undefined, pending: 0 });
    const id = this.#register({ for: 'attach', client });
    const message =
      targetId === undefined
        ? { id, method: 'Target.attachToBrowserTarget' }
        : { id, method: 'Target.attachToTarget', params: { targetId, flatten: true } };
    return { client, actions: [{ type: 'to-browser', text: JSON.stringify(message) }] };
  }

  /** Forgets a client and ends its sessions; pages and other clients go on. */
  close(client: number): CdpAction[] {
    const entry = this.#clients.get(client);
    if (!entry) return [];
    this.#clients.delete(client);
    for (const [id, pending] of this.#pending) {
      if (pending.for === 'client' && pending.client === client) this.#pending.delete(id);
    }
    for (const [id, session] of this.#sessions) {
      if (session.client !== client) continue;
      this.#sessions.delete(id);
      this.#waiting.delete(id);
      this.#contexts.forget(id);
    }
    return entry.root === undefined ? [] : [this.#detach(entry.root)];
  }

  /** Lets a target run whose client attached with `waitForDebuggerOnStart` and then stayed silent. */
  resume(sessionId: string): CdpAction[] {
    if (!this.#waiting.delete(sessionId)) return [];
    const id = this.#register({ for: 'nobody' });
    const message = { id, method: 'Runtime.runIfWaitingForDebugger', sessionId };
    return [{ type: 'to-browser', text: JSON.stringify(message) }];
  }

  /** Answers with a refusal the calls under way that the policy would refuse now; their results are dropped. */
  refusePending(): CdpAction[] {
    const actions: CdpAction[] = [];
    for (const [id, pending] of this.#pending) {
      const entry = pending.for === 'client' ? this.#clients.get(pending.client) : undefined;
      if (pending.for !== 'client' || !entry) continue;
      const error = this.#policy(entry.kind, pending.method, {});
      if (!error) continue;
      entry.pending -= 1;
      this.#pending.set(id, { for: 'nobody' });
      const session = pending.sessionId ?? entry.root;
      if (error.thrown === true && session !== undefined) this.#contexts.refused(session);
      actions.push(
        this.#toClient(pending.client, {
          id: pending.id,
          ...refusalReply(error),
          sessionId: pending.sessionId,
        }),
      );
    }
    return actions;
  }

  /** Tells clients anew of the contexts in which their scripts were refused; for when they no longer would be. */
  renewContexts(): CdpAction[] {
    return this.#contexts.takeRefused().flatMap(({ sessionId, text }): CdpAction[] => {
      const client = this.#sessions.get(sessionId)?.client;
      return client === undefined ? [] : [{ type: 'to-client', client, text }];
    });
  }

  fromClient(client: number, text: string): CdpAction[] {
    const entry = this.#clients.get(client);
    if (!entry) return [];
    const message = readClientMessage(text);
    if (typeof message === 'string') {
      return [this.#toClient(client, { error: { code: -32600, message } })];
    }
    const answer = (refusal: CdpRefusal): CdpAction[] => [
      this.#toClient(client, {
        id: message.id,
        ...refusalReply(refusal),
        sessionId: message.sessionId,
      }),
    ];
    const refuse = (code: number, reason: string): CdpAction[] => answer({ code, message: reason });
    const sessionId = message.sessionId ?? entry.root;
    if (sessionId === undefined) return refuse(-32000, 'The session is not attached yet.');
    if (this.#sessions.get(sessionId)?.client !== client) {
      return refuse(-32001, 'Session with given id not found.');
    }
    if (entry.pending >= MAX_PENDING_PER_CLIENT) {
      return refuse(-32000, `More than ${MAX_PENDING_PER_CLIENT} calls are unanswered; wait for replies.`);
    }
    const params = message.params ?? {};
    const error = refuseAlways(message.method, params) ?? this.#policy(entry.kind, message.method, params);
    if (error) {
      if (error.thrown === true) this.#contexts.refused(sessionId);
      return answer(error);
    }
    if (message.method === 'Browser.close') {
      // The browser belongs to the sandbox: a client that closes it leaves, and the others go on.
      const reply = this.#toClient(client, { id: message.id, result: {}, sessionId: message.sessionId });
      return [reply, { type: 'close-client', client, reason: 'Browser.close' }];
    }
    if (message.method === 'Runtime.runIfWaitingForDebugger') this.#waiting.delete(sessionId);
    entry.pending += 1;
    const id = this.#register({
      for: 'client',
      client,
      id: message.id,
      method: message.method,
      sessionId: message.sessionId,
    });
    const forwarded = {
      id,
      method: message.method,
      params: message.params && this.#rewrite(message.method, message.params, entry.kind),
      sessionId,
    };
    return [{ type: 'to-browser', text: JSON.stringify(forwarded) }];
  }

  fromBrowser(text: string): CdpAction[] {
    const envelope = readEnvelope(text);
    if (!envelope) return [];
    return envelope.id === undefined ? this.#event(text, envelope) : this.#reply(text, envelope.id, envelope);
  }

  #reply(text: string, id: number, envelope: CdpEnvelope): CdpAction[] {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (!pending || pending.for === 'nobody') return [];
    if (pending.for === 'own') {
      const { result, error } = envelope.body();
      return [{ type: 'own-reply', id, result, error: error?.message }];
    }
    if (pending.for === 'attach') return this.#attached(pending.client, envelope);
    const entry = this.#clients.get(pending.client);
    if (!entry) return [];
    entry.pending -= 1;
    if (ATTACH_METHODS.has(pending.method)) {
      const child = attachedSession(envelope);
      if (child !== undefined) this.#adopt(child, pending.client, envelope.sessionId);
    }
    const rewritten = renumber(text, envelope, {
      id: pending.id,
      dropSession: envelope.sessionId === entry.root,
    });
    return [{ type: 'to-client', client: pending.client, text: rewritten }];
  }

  #attached(client: number, envelope: CdpEnvelope): CdpAction[] {
    const root = attachedSession(envelope);
    const entry = this.#clients.get(client);
    if (!entry) return root === undefined ? [] : [this.#detach(root)];
    if (root === undefined) {
      const reason = envelope.body().error?.message ?? 'The browser gave no session.';
      return [{ type: 'close-client', client, reason }];
    }
    entry.root = root;
    this.#adopt(root, client, undefined);
    return [{ type: 'attached', client }];
  }

  #event(text: string, envelope: CdpEnvelope): CdpAction[] {
    const { method, sessionId } = envelope;
    if (method === undefined) return [];
    const owner = sessionId === undefined ? undefined : this.#sessions.get(sessionId)?.client;
    if (sessionId === undefined || owner === undefined) return this.#ownEvent(method, envelope);
    const fate = this.#eventPolicy(method, () => asRecord(envelope.body().params));
    if (fate === 'drop') return [];
    if (fate !== 'pass') {
      const id = this.#register({ for: 'nobody' });
      return [{ type: 'to-browser', text: JSON.stringify({ id, ...fate, sessionId }) }];
    }
    const actions: CdpAction[] = [];
    const root = this.#clients.get(owner)?.root;
    const out = sessionId === root ? renumber(text, envelope, { dropSession: true }) : text;
    actions.push({ type: 'to-client', client: owner, text: out });
    this.#contexts.note(method, sessionId, envelope, out);
    return [...actions, ...this.#noteChild(owner, sessionId, envelope)];
  }

  /** Follows the sessions that come and go inside a client's session. */
  #noteChild(owner: number, parent: string, envelope: CdpEnvelope): CdpAction[] {
    const { method } = envelope;
    if (method !== 'Target.attachedToTarget' && method !== 'Target.detachedFromTarget') return [];
    const params = asRecord(envelope.body().params);
    const child = params['sessionId'];
    if (typeof child !== 'string') return [];
    if (method === 'Target.detachedFromTarget') {
      if (this.#sessions.get(child)?.client === owner) this.#forget(child);
      return [];
    }
    this.#adopt(child, owner, parent);
    if (params['waitingForDebugger'] !== true) return [];
    this.#waiting.add(child);
    return [{ type: 'resume-later', sessionId: child }];
  }

  #ownEvent(method: string, envelope: CdpEnvelope): CdpAction[] {
    const { params } = envelope.body();
    const actions: CdpAction[] = [{ type: 'own-event', method, params, sessionId: envelope.sessionId }];
    if (method === 'Target.detachedFromTarget' && envelope.sessionId === undefined) {
      const gone = asRecord(params)['sessionId'];
      const client = typeof gone === 'string' ? this.#sessions.get(gone)?.client : undefined;
      if (client !== undefined) actions.push({ type: 'close-client', client, reason: 'The target is gone.' });
    }
    return actions;
  }

  #adopt(sessionId: string, client: number, parent: string | undefined): void {
    // The first announcement stands: a session never changes its owner.
    if (!this.#sessions.has(sessionId)) this.#sessions.set(sessionId, { client, parent });
  }

  #forget(sessionId: string): void {
    this.#sessions.delete(sessionId);
    this.#waiting.delete(sessionId);
    this.#contexts.forget(sessionId);
    for (const [id, session] of this.#sessions) if (session.parent === sessionId) this.#forget(id);
  }

  #detach(sessionId: string): CdpAction {
    const id = this.#register({ for: 'nobody' });
    const message = { id, method: 'Target.detachFromTarget', params: { sessionId } };
    return { type: 'to-browser', text: JSON.stringify(message) };
  }

  #toClient(client: number, message: object): CdpAction {
    return { type: 'to-client', client, text: JSON.stringify(message) };
  }

  #register(pending: Pending): number {
    const id = ++this.#lastId;
    this.#pending.set(id, pending);
    return id;
  }
}

function attachedSession(envelope: CdpEnvelope): string | undefined {
  const sessionId = asRecord(envelope.body().result)['sessionId'];
  return typeof sessionId === 'string' ? sessionId : undefined;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** The message, or what is wrong with it. */
function readClientMessage(text: string): ClientMessage | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'Message must be valid JSON.';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'Message must be an object.';
  const { id, method, params, sessionId } = value as Record<string, unknown>;
  if (!Number.isSafeInteger(id)) return "Message must have an integer 'id' property.";
  if (typeof method !== 'string') return "Message must have a string 'method' property.";
  if (params !== undefined && (typeof params !== 'object' || params === null || Array.isArray(params))) {
    return "Message may have an object 'params' property.";
  }
  if (sessionId !== undefined && typeof sessionId !== 'string') {
    return "Message may have a string 'sessionId' property.";
  }
  return { id: id as number, method, params: params as Record<string, unknown> | undefined, sessionId };
}
