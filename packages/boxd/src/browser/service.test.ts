import { expect, test } from 'vitest';
import type { Account } from '../services.ts';
import { createBrowserService } from './service.ts';

const account = (name: string): Account => ({ name, uid: 1, gid: 1, home: '/nonexistent' });
const silent = { info: () => {}, warn: () => {}, error: () => {} };

test('a browser that was not started says so', async () => {
  const service = createBrowserService({
    environment: {
      accounts: { root: account('root'), desktop: account('desktop'), user: account('user') },
      stateDir: '/nonexistent',
      runDir: '/nonexistent',
      installDir: '/nonexistent',
      workspace: '/nonexistent',
      path: '',
    },
    events: { append: () => Promise.reject(new Error('nothing may happen')) },
    logger: silent,
  });
  const control = { epoch: 0, mode: 'ai', controller: null };
  const nothing = { reason: null, viewport: null, url: null, title: null, clients: 0, control };
  expect(await service.state()).toEqual({ state: 'off', ...nothing });
  await expect(service.whenReady(AbortSignal.timeout(1000))).rejects.toMatchObject({
    status: 409,
    code: 'BROWSER_OFF',
  });
  expect(() => service.agentEndpoint()).toThrow(/not started/);
  await service.stop();
});
