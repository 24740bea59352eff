import { expect, it } from 'vitest';
import { pathSteps } from './path-steps.ts';

it('names every folder on the way', () => {
  expect(pathSteps('/workspace/site/')).toEqual([
    { name: '/', path: '/' },
    { name: 'workspace', path: '/workspace' },
    { name: 'site', path: '/workspace/site' },
  ]);
  expect(pathSteps('/')).toEqual([{ name: '/', path: '/' }]);
});
