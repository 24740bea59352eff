import { describe, expect, test } from 'vitest';
import { BoxError, type BoxRoute } from './route.ts';
import { Router } from './router.ts';

const route = (method: BoxRoute['method'], path: string): BoxRoute => ({
  method,
  path,
  handle: async () => ({}),
});

async function refusal(promise: Promise<unknown>): Promise<BoxError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof BoxError)) throw new Error('expected a BoxError');
  return error;
}

describe('Router', () => {
  const tasks = route('GET', '/tasks/{taskId}');
  const cancel = route('POST', '/tasks/{taskId}/cancel');

  test('finds a route and decodes its parameters', async () => {
    const router = new Router({ routes: [tasks, cancel] });
    expect(await router.match('GET', '/tasks/a%20b')).toEqual({ route: tasks, params: { taskId: 'a b' } });
    expect(await router.match('POST', '/tasks/1/cancel')).toEqual({ route: cancel, params: { taskId: '1' } });
  });

  test.each(['/tasks', '/tasks/', '/tasks/1/', '/tasks/1/2/3', '/', ''])(
    'knows no route %j',
    async (path) => {
      const router = new Router({ routes: [tasks, cancel] });
      expect(await refusal(router.match('GET', path))).toMatchObject({
        status: 404,
        code: 'ROUTE_NOT_FOUND',
      });
    },
  );

  test('names the methods a path takes', async () => {
    const error = await refusal(new Router({ routes: [tasks] }).match('PUT', '/tasks/1'));
    expect(error).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    expect(error.message).toContain('allowed: GET');
  });

  test('refuses broken percent-encoding', async () => {
    const error = await refusal(new Router({ routes: [tasks] }).match('GET', '/tasks/%zz'));
    expect(error).toMatchObject({ status: 400, code: 'INVALID_PATH' });
  });

  test('loads a lazy part once, and only for its own prefix', async () => {
    let loads = 0;
    const upgrade = { path: '/browser/cdp', handle: () => undefined };
    const load = async (): Promise<{ routes: BoxRoute[]; upgrades: (typeof upgrade)[] }> => {
      loads += 1;
      return { routes: [route('GET', '/browser')], upgrades: [upgrade] };
    };
    const router = new Router({ routes: [route('GET', '/browsers')], lazy: [{ prefix: '/browser', load }] });
    await router.match('GET', '/browsers');
    expect(loads).toBe(0);
    await Promise.all([router.match('GET', '/browser'), router.matchUpgrade('/browser/cdp')]);
    expect(loads).toBe(1);
  });

  test('tries again to load a part that failed', async () => {
    let loads = 0;
    const load = async (): Promise<{ routes: BoxRoute[]; upgrades: never[] }> => {
      loads += 1;
      if (loads === 1) throw new Error('no memory');
      return { routes: [route('GET', '/agent/state')], upgrades: [] };
    };
    const router = new Router({ lazy: [{ prefix: '/agent', load }] });
    await expect(router.match('GET', '/agent/state')).rejects.toThrow('no memory');
    expect((await router.match('GET', '/agent/state')).params).toEqual({});
  });
});
