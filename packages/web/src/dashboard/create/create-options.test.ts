import { createSandboxSchema } from '@banata/protocol';
import { expect, it } from 'vitest';
import { createOptions } from './create-options.ts';

it('asks for what was ticked, in the terms of the contract', () => {
  const options = createOptions({ browser: true, agent: true, demoModel: true, env: { A: '1' } });
  expect(createSandboxSchema.parse(options)).toEqual({
    capabilities: { browser: { humanInLoop: true }, agent: { enabled: true } },
    env: { A: '1', BANATA_MODEL: 'demo' },
  });
});

it('asks for no demo model without an agent', () => {
  expect(createOptions({ browser: false, agent: false, demoModel: true, env: {} })).toEqual({
    capabilities: {},
    env: {},
  });
});
