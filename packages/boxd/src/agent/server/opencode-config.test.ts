import type { BoxModel } from '@banata/protocol/box';
import { describe, expect, test } from 'vitest';
import type { BoxEnvironment } from '../../services.ts';
import { openCodeConfig, type OpenCodeConfigInput } from './opencode-config.ts';
import { agentPaths } from './paths.ts';
import { IMAGE_PROGRAMS } from './programs.ts';

const account = { name: 'user', uid: 1000, gid: 1000, home: '/home/user' };
const environment: BoxEnvironment = {
  accounts: { root: account, desktop: account, user: account },
  stateDir: '/var/lib/banata',
  runDir: '/run/boxd',
  installDir: '/opt/banata',
  workspace: '/workspace',
  path: '/usr/bin:/bin',
};
const access = { baseUrl: 'http://host.banata.internal:1/v1', apiKey: 'box-token' };

function configFor(
  model: Pick<BoxModel, 'provider' | 'model'>,
  browserEndpoint: string | null = null,
): OpenCodeConfigInput {
  const full = { ...access, ...model, smallModel: 'small', models: [] };
  return {
    model: full,
    setup: { defaultAgent: 'build', permissions: 'allow', mcp: {}, instructions: null },
    browserEndpoint,
    paths: agentPaths(environment),
    programs: IMAGE_PROGRAMS,
  };
}

describe('the OpenCode configuration', () => {
  test.each([
    ['openrouter', 'acme/main', 'openrouter', '@openrouter/ai-sdk-provider'],
    ['anthropic', 'claude-x', 'anthropic', '@ai-sdk/anthropic'],
    ['openai', 'llama-3', 'openai-compatible', '@ai-sdk/openai-compatible'],
    ['openai', 'gpt-4o', 'openai-compatible', '@ai-sdk/openai-compatible'],
    ['openai', 'gpt-5.1', 'openai', '@ai-sdk/openai'],
    ['openai', 'o4-mini', 'openai', '@ai-sdk/openai'],
    ['openai', 'olmo-2', 'openai-compatible', '@ai-sdk/openai-compatible'],
  ] as const)('takes %s %s to provider %s', (provider, model, id, npm) => {
    expect(openCodeConfig(configFor({ provider, model }))).toMatchObject({
      enabled_providers: [id],
      model: `${id}/${model}`,
      small_model: `${id}/small`,
      provider: {
        [id]: {
          npm,
          options: { baseURL: access.baseUrl, apiKey: 'box-token' },
          models: { [model]: {}, small: {} },
        },
      },
    });
  });

  test('has browser tools only with a browser', () => {
    const model = { provider: 'openrouter', model: 'acme/main' } as const;
    expect(openCodeConfig(configFor(model))).toMatchObject({ mcp: {} });
    expect(openCodeConfig(configFor(model, 'http://127.0.0.1:5/secret'))).toMatchObject({
      mcp: {
        playwright: {
          type: 'local',
          command: expect.arrayContaining(['--cdp-endpoint', 'http://127.0.0.1:5/secret']) as string[],
        },
      },
    });
  });

  test('sends pictures only to models of families that take them', () => {
    const entry = (model: string): unknown => {
      const config = openCodeConfig(configFor({ provider: 'openrouter', model })) as {
        provider: { openrouter: { models: Record<string, unknown> } };
      };
      return config.provider.openrouter.models[model];
    };
    expect(entry('anthropic/claude-sonnet-4')).toMatchObject({ attachment: true });
    expect(entry('deepseek/deepseek-chat')).not.toHaveProperty('attachment');
  });

  test('asks nobody, and denies what would wait for an answer', () => {
    const config = openCodeConfig(configFor({ provider: 'openrouter', model: 'm' }));
    expect(config).toMatchObject({
      permission: { '*': 'allow', question: 'deny', doom_loop: 'deny', webfetch: 'deny', websearch: 'deny' },
      share: 'disabled',
      autoupdate: false,
    });
  });
});
