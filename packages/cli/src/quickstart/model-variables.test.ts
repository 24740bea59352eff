import { expect, test } from 'vitest';
import { modelEnvironment } from './model-variables.ts';

const alone = { demo: false, serverMayHaveModel: false };

test('passes the variables of the providers on, and nothing else', () => {
  const env = {
    OPENROUTER_API_KEY: 'k',
    OPENROUTER_MODEL: 'm',
    OPENAI_API_KEY: '',
    PATH: '/bin',
    AWS_SECRET: 's',
  };
  expect(modelEnvironment(env, alone)).toEqual({ OPENROUTER_API_KEY: 'k', OPENROUTER_MODEL: 'm' });
});

test('a server of one’s own needs no key', () => {
  const env = { OPENAI_BASE_URL: 'http://127.0.0.1:11434/v1', OPENAI_MODEL: 'm' };
  expect(modelEnvironment(env, alone)).toEqual(env);
});

test('the demo is chosen explicitly and takes no key along', () => {
  expect(modelEnvironment({ OPENROUTER_API_KEY: 'k' }, { ...alone, demo: true })).toEqual({
    BANATA_MODEL: 'demo',
  });
});

test('without a model the error names the variables and the demo', () => {
  expect(() => modelEnvironment({}, alone)).toThrow(
    expect.objectContaining({
      message: 'No model is set for the agent',
      next: expect.stringMatching(/OPENROUTER_API_KEY.*--demo/),
    }),
  );
});

test('a key without a model’s name is told apart, also where the server may have a model', () => {
  const env = { ANTHROPIC_API_KEY: 'k' };
  expect(() => modelEnvironment(env, { ...alone, serverMayHaveModel: true })).toThrow(
    'ANTHROPIC_MODEL is not',
  );
});

test('a server that runs already may have a model of its own', () => {
  expect(modelEnvironment({}, { ...alone, serverMayHaveModel: true })).toEqual({});
});
