import { afterEach, describe, expect, it, vi } from 'vitest';
import { fetchView } from './fetch-view.ts';

const url = 'http://h/v1/sandboxes/browser-preview/view?token=t';
const { signal } = new AbortController();

function answer(status: number, body: unknown): void {
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json(body, { status })));
}

describe('fetchView', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    [401, 'expired'],
    [400, 'expired'],
    [404, 'gone'],
  ])('takes %i as %s', async (status, kind) => {
    answer(status, { error: 'x', code: 'X', suggestion: '' });
    expect(await fetchView(url, signal)).toEqual({ kind });
  });

  it('hands on the state', async () => {
    answer(200, { status: 'ready' });
    expect(await fetchView(url, signal)).toEqual({ kind: 'view', view: { status: 'ready' } });
  });

  it('throws on a fault of the server, so that the page asks again', async () => {
    answer(503, {});
    await expect(fetchView(url, signal)).rejects.toThrow('503');
  });
});
