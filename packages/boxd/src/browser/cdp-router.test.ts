import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CdpRouter } from './cdp-router.ts';
import type { CdpAction } from './cdp-router.ts';
import type { CdpPolicy } from './cdp-policy.ts';

interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
  sessionId?: string;
}

const allowAll: CdpPolicy = () => undefined;
const hex = (value: number): string => value.toString(16).toUpperCase().padStart(32, '0');

function toBrowser(actions: CdpAction[]): Message[] {
  return actions.flatMap((action) =>
    action.type === 'to-browser' ? [JSON.parse(action.text) as Message] : [],
  );
}

function toClient(actions: CdpAction[], client?: number): Message[] {
  return actions.flatMap((action) =>
    action.type === 'to-client' && (client === undefined || action.client === client)
      ? [JSON.parse(action.text) as Message]
      : [],
  );
}

/** Opens a client whose root session gets this number. */
function attach(router: CdpRouter, session: number): number {
  const { client, actions } = router.open('client');
  const [request] = toBrowser(actions);
  const reply = router.fromBrowser(JSON.stringify({ id: request!.id, result: { sessionId: hex(session) } }));
  expect(reply).toEqual([{ type: 'attached', client }]);
  return client;
}

function announce(router: CdpRouter, parent: number, child: number, waiting = false): CdpAction[] {
  return router.fromBrowser(
    JSON.stringify({
      method: 'Target.attachedToTarget',
      params: { sessionId: hex(child), targetInfo: {}, waitingForDebugger: waiting },
      sessionId: hex(parent),
    }),
  );
}

describe('sessions', () => {
  test('a client gets a browser session of its own, its messages carry it', () => {
    const router = new CdpRouter(allowAll);
    const client = attach(router, 1);
    const [sent] = toBrowser(router.fromClient(client, '{"id":5,"method":"Browser.getVersion"}'));
    expect(sent).toMatchObject({ method: 'Browser.getVersion', sessionId: hex(1) });
    const answer = router.fromBrowser(`{"id":${sent!.id},"result":{"a":1},"sessionId":"${hex(1)}"}`);
    expect(answer).toEqual([{ type: 'to-client', client, text: '{"id":5,"result":{"a":1}}' }]);
  });

  test('a client on one page attaches to that page', () => {
    const { actions } = new CdpRouter(allowAll).open('client', 'PAGE');
    expect(toBrowser(actions)).toEqual([
      expect.objectContaining({
        method: 'Target.attachToTarget',
        params: { targetId: 'PAGE', flatten: true },
      }),
    ]);
  });

  test('a refused attachment closes the client with the reason', () => {
    const router = new CdpRouter(allowAll);
    const { client, actions } = router.open('client', 'GONE');
    const { id } = toBrowser(actions)[0]!;
    const reply = router.fromBrowser(JSON.stringify({ id, error: { code: -32602, message: 'No target' } }));
    expect(reply).toEqual([{ type: 'close-client', client, reason: 'No target' }]);
  });

  test('events of a child session go to the client it was announced to, as they are', () => {
    const router = new CdpRouter(allowAll);
    const [one, two] = [attach(router, 1), attach(router, 2)];
    expect(toClient(announce(router, 2, 20), two)).toHaveLength(1);
    const text = JSON.stringify({ method: 'Page.loadEventFired', params: {}, sessionId: hex(20) });
    expect(router.fromBrowser(text)).toEqual([{ type: 'to-client', client: two, text }]);
    expect(toClient(router.fromBrowser(text), one)).toEqual([]);
  });

  test("a client cannot speak in another client's session", () => {
    const router = new CdpRouter(allowAll);
    const [one] = [attach(router, 1), attach(router, 2)];
    announce(router, 2, 20);
    for (const sessionId of [hex(2), hex(20), 'unknown']) {
      const actions = router.fromClient(one, JSON.stringify({ id: 1, method: 'Page.reload', sessionId }));
      expect(toBrowser(actions)).toEqual([]);
      expect(toClient(actions)).toEqual([
        { id: 1, error: { code: -32001, message: 'Session with given id not found.' }, sessionId },
      ]);
    }
  });

  test('the session of an attach reply belongs to who asked', () => {
    const router = new CdpRouter(allowAll);
    const client = attach(router, 1);
    const params = { targetId: 'T', flatten: true };
    const [sent] = toBrowser(
      router.fromClient(client, JSON.stringify({ id: 1, method: 'Target.attachToTarget', params })),
    );
    router.fromBrowser(JSON.stringify({ id: sent!.id, result: { sessionId: hex(9) }, sessionId: hex(1) }));
    const next = router.fromClient(
      client,
      JSON.stringify({ id: 2, method: 'Page.enable', sessionId: hex(9) }),
    );
    expect(toBrowser(next)).toHaveLength(1);
  });

  test('a closed client is detached, and nothing of it remains', () => {
    const router = new CdpRouter(allowAll);
    const client = attach(router, 1);
    announce(router, 1, 10, true);
    router.fromClient(client, JSON.stringify({ id: 1, method: 'Page.enable', sessionId: hex(10) }));
    const [detach] = toBrowser(router.close(client));
    expect(detach).toMatchObject({ method: 'Target.detachFromTarget', params: { sessionId: hex(1) } });
    router.fromBrowser(JSON.stringify({ id: detach!.id, result: {} }));
    expect(router.size).toEqual({ clients: 0, sessions: 0, pending: 0, waiting: 0 });
    expect(router.fromClient(client, '{"id":1,"method":"Page.enable"}')).toEqual([]);
  });

  test('a client that leaves while it attaches is detached afterwards', () => {
    const router = new CdpRouter(allowAll);
    const { client, actions } = router.open('client');
    expect(router.close(client)).toEqual([]);
    const { id } = toBrowser(actions)[0]!;
    const late = router.fromBrowser(JSON.stringify({ id, result: { sessionId: hex(1) } }));
    expect(toBrowser(late)).toMatchObject([
      { method: 'Target.detachFromTarget', params: { sessionId: hex(1) } },
    ]);
  });

  test('a target that is gone closes the client that was attached to it by itself', () => {
    const router = new CdpRouter(allowAll);
    const client = attach(router, 1);
    const actions = router.fromBrowser(
      JSON.stringify({ method: 'Target.detachedFromTarget', params: { sessionId: hex(1) } }),
    );
    expect(actions).toContainEqual({ type: 'close-client', client, reason: 'The target is gone.' });
  });
});

describe('targets that wait for a debugger', () => {
  test('are resumed when the client stays silent', () => {
    const router = new CdpRouter(allowAll);
    attach(router, 1);
    expect(announce(router, 1, 10, true)).toContainEqual({ type: 'resume-later', sessionId: hex(10) });
    expect(toBrowser(router.resume(hex(10)))).toMatchObject([
      { method: 'Runtime.runIfWaitingForDebugger', sessionId: hex(10) },
    ]);
    expect(router.resume(hex(10))).toEqual([]);
  });

  test('are left to the client that resumes them', () => {
    const router = new CdpRouter(allowAll);
    const client = attach(router, 1);
    announce(router, 1, 10, true);
    const message = { id: 1, method: 'Runtime.runIfWaitingForDebugger', sessionId: hex(10) };
    router.fromClient(client, JSON.stringify(message));
    expect(router.resume(hex(10))).toEqual([]);
  });
});

describe('refusals', () => {
  test.each([
    ['Target.sendMessageToTarget', {}],
    ['Target.attachToTarget', { targetId: 'T' }],
    ['Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: true }],
    ['Target.exposeDevToolsProtocol', { targetId: 'T' }],
    ['Browser.crash', {}],
  ])('%s never reaches the browser', (method, params) => {
    const router = new CdpRouter(allowAll);
    const actions = router.fromClient(attach(router, 1), JSON.stringify({ id: 3, method, params }));
    expect(toBrowser(actions)).toEqual([]);
    expect(toClient(actions)).toMatchObject([{ id: 3, error: { code: -32000 } }]);
  });

  test('the policy is asked with kind, method and params, and its error is the answer', () => {
    const seen: unknown[] = [];
    const router = new CdpRouter((...asked) => {
      seen.push(asked);
      return asked[1] === 'Page.navigate' ? { code: -32000, message: 'held' } : undefined;
    });
    const client = attach(router, 1);
    const params = { url: 'https://example.test' };
    const actions = router.fromClient(client, JSON.stringify({ id: 1, method: 'Page.navigate', params }));
    expect(actions.map((action) => action.type)).toEqual(['to-client']);
    expect(toClient(actions)).toEqual([{ id: 1, error: { code: -32000, message: 'held' } }]);
    expect(seen).toEqual([['client', 'Page.navigate', params]]);
  });

  test('Browser.close ends the client alone', () => {
    const router = new CdpRouter(allowAll);
    const client = attach(router, 1);
    expect(router.fromClient(client, '{"id":1,"method":"Browser.close"}')).toEqual([
      { type: 'to-client', client, text: '{"id":1,"result":{}}' },
      { type: 'close-client', client, reason: 'Browser.close' },
    ]);
  });

  test.each([
    '',
    'null',
    '[]',
    '{"method":"A.b"}',
    '{"id":1.5,"method":"A.b"}',
    '{"id":1}',
    '{"id":1,"method":5}',
  ])('the message %j is answered with an error', (text) => {
    const router = new CdpRouter(allowAll);
    const actions = router.fromClient(attach(router, 1), text);
    expect(toClient(actions)).toMatchObject([{ error: { code: -32600 } }]);
    expect(actions).toHaveLength(1);
  });

  test('fields that the policy did not see are not passed on', () => {
    const router = new CdpRouter(allowAll);
    const client = attach(router, 1);
    const text =
      '{"id":1,"method":"Page.reload","method":"Page.enable","extra":1,"sessionId":"X","sessionId":"Y"}';
    expect(toBrowser(router.fromClient(client, text))).toEqual([]);
    const [sent] = toBrowser(router.fromClient(client, '{"id":1,"method":"A.b","method":"C.d","extra":1}'));
    expect(sent).toEqual({ id: expect.any(Number), method: 'C.d', sessionId: hex(1) });
  });

  test('the number of unanswered calls is bounded', () => {
    const router = new CdpRouter(allowAll);
    const client = attach(router, 1);
    const ask = (): CdpAction[] => router.fromClient(client, '{"id":1,"method":"Page.enable"}');
    for (let i = 0; i < 10_000; i += 1) expect(ask()[0]!.type).toBe('to-browser');
    expect(toClient(ask())).toMatchObject([{ error: { code: -32000 } }]);
  });
});

describe('own calls', () => {
  test('results, errors and events come back to the daemon', () => {
    const router = new CdpRouter(allowAll);
    const { id, actions } = router.call('Target.getTargets', {}, undefined);
    expect(toBrowser(actions)).toEqual([{ id, method: 'Target.getTargets', params: {} }]);
    expect(router.fromBrowser(JSON.stringify({ id, result: { x: 1 } }))).toEqual([
      { type: 'own-reply', id, result: { x: 1 }, error: undefined },
    ]);
    const failing = router.call('A.b', {}, hex(7));
    const error = { code: 1, message: 'no' };
    expect(router.fromBrowser(JSON.stringify({ id: failing.id, error }))).toMatchObject([{ error: 'no' }]);
    expect(router.fromBrowser(JSON.stringify({ method: 'A.c', params: 1, sessionId: hex(7) }))).toEqual([
      { type: 'own-event', method: 'A.c', params: 1, sessionId: hex(7) },
    ]);
  });
});

/** What can happen, in any order; numbers pick one of what exists then. */
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('open' as const) }),
    fc.record({ do: fc.constant('close' as const), pick: fc.nat(50) }),
    fc.record({ do: fc.constant('call' as const), pick: fc.nat(50), id: fc.nat(5), session: fc.nat(50) }),
    fc.record({ do: fc.constant('reply' as const), pick: fc.nat(50) }),
    fc.record({ do: fc.constant('announce' as const), pick: fc.nat(50), waiting: fc.boolean() }),
    fc.record({ do: fc.constant('detach' as const), pick: fc.nat(50) }),
    fc.record({ do: fc.constant('event' as const), pick: fc.nat(50) }),
  ),
  { maxLength: 80 },
);

type Step = typeof steps extends fc.Arbitrary<(infer T)[]> ? T : never;

/** What clients and browser do, and what each must see of it. */
class Model {
  readonly router = new CdpRouter(allowAll);
  readonly #clients: number[] = [];
  readonly #owners = new Map<number, { client: number; root: boolean }>();
  readonly #asked: { id: number; original: number; client: number; session: number }[] = [];
  readonly #parents = new Map<number, number>();
  #sessions = 0;

  take(step: Step): void {
    if (step.do === 'open') {
      const client = attach(this.router, ++this.#sessions);
      this.#clients.push(client);
      this.#owners.set(this.#sessions, { client, root: true });
      return;
    }
    const session = pick([...this.#owners.keys()], step.pick);
    const client = pick(this.#clients, step.pick);
    if (session === undefined || client === undefined) return;
    if (step.do === 'close') this.#close(client);
    else if (step.do === 'call') this.#call(client, step.id, pick([...this.#owners.keys()], step.session)!);
    else if (step.do === 'reply') this.#reply(step.pick);
    else if (step.do === 'announce') this.#announce(session, step.waiting);
    else if (step.do === 'detach') this.#detach(session);
    else this.#event(session);
  }

  end(): void {
    for (const client of this.#clients) this.router.close(client);
  }

  #close(client: number): void {
    this.router.close(client);
    this.#clients.splice(this.#clients.indexOf(client), 1);
    for (const [number, entry] of this.#owners) if (entry.client === client) this.#owners.delete(number);
  }

  #call(client: number, id: number, session: number): void {
    const message = { id, method: 'A.b', sessionId: hex(session) };
    const [sent] = toBrowser(this.router.fromClient(client, JSON.stringify(message)));
    expect(sent !== undefined).toBe(this.#owners.get(session)?.client === client);
    if (sent) this.#asked.push({ id: sent.id!, original: id, client, session });
  }

  #reply(number: number): void {
    const [question] = this.#asked.splice(number % Math.max(1, this.#asked.length), 1);
    if (!question) return;
    const { id, original, client, session } = question;
    const actions = this.router.fromBrowser(JSON.stringify({ id, result: {}, sessionId: hex(session) }));
    const root = this.#owners.get(session)?.root === true;
    const expected = { id: original, result: {}, ...(root ? {} : { sessionId: hex(session) }) };
    expect(toClient(actions, client)).toEqual(this.#clients.includes(client) ? [expected] : []);
    expect(actions).toHaveLength(this.#clients.includes(client) ? 1 : 0);
  }

  #announce(parent: number, waiting: boolean): void {
    announce(this.router, parent, ++this.#sessions, waiting);
    this.#owners.set(this.#sessions, { client: this.#owners.get(parent)!.client, root: false });
    this.#parents.set(this.#sessions, parent);
  }

  #detach(session: number): void {
    const parent = this.#parents.get(session);
    if (parent === undefined) return;
    const params = { sessionId: hex(session) };
    const event = { method: 'Target.detachedFromTarget', params, sessionId: hex(parent) };
    this.router.fromBrowser(JSON.stringify(event));
    this.#forget(session);
  }

  #forget(session: number): void {
    this.#owners.delete(session);
    for (const [child, parent] of this.#parents)
      if (parent === session && this.#owners.has(child)) this.#forget(child);
  }

  #event(session: number): void {
    const event = { method: 'A.happened', params: {}, sessionId: hex(session) };
    const actions = this.router.fromBrowser(JSON.stringify(event));
    const { client, root } = this.#owners.get(session)!;
    const seen = root ? { method: 'A.happened', params: {} } : event;
    expect(actions.map((action) => (action.type === 'to-client' ? action.client : action.type))).toEqual([
      client,
    ]);
    expect(toClient(actions)).toEqual([seen]);
  }
}

function pick<T>(items: T[], number: number): T | undefined {
  return items[number % Math.max(1, items.length)];
}

test('in any order of things each client sees its own sessions and ids, and none of another', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const model = new Model();
      for (const step of list) model.take(step);
      model.end();
      expect(model.router.size).toMatchObject({ clients: 0, sessions: 0, waiting: 0 });
    }),
    { numRuns: 300 },
  );
});
