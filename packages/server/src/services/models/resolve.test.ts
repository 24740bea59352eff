import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boxModel } from './box-model.ts';
import { MODEL_VARIABLES } from './model-variables.ts';
import { resolveModelAccess, type ModelResolution } from './resolve.ts';

const ORIGIN = 'http://host.banata.internal:7071';
const TOKEN = 'token-of-this-sandbox';
const KEY = 'sk-real-key-0123456789';

type Variables = Record<string, string>;

function resolve(env: Variables, server: Variables = {}, organization: Variables = {}): ModelResolution {
  return resolveModelAccess({ env, organization, server });
}

describe('the choice of the model', () => {
  test('a key and a model in the env of the sandbox', () => {
    const { access, problem, hidden } = resolve({ OPENROUTER_API_KEY: KEY, OPENROUTER_MODEL: 'acme/main-1' });
    expect(access).toEqual({
      provider: 'openrouter',
      upstream: { kind: 'http', baseUrl: 'https://openrouter.ai/api/v1', apiKey: KEY },
      model: 'acme/main-1',
      smallModel: 'acme/main-1',
    });
    expect(problem).toBeNull();
    expect(hidden).toEqual(['OPENROUTER_API_KEY']);
  });

  test('OpenRouter goes before OpenAI before Anthropic', () => {
    const all = Object.fromEntries(
      MODEL_VARIABLES.flatMap(({ apiKey, model }) => [
        [apiKey, KEY],
        [model, 'm'],
      ]),
    );
    expect(resolve(all).access?.provider).toBe('openrouter');
    const { OPENROUTER_API_KEY: _key, ...two } = all;
    expect(resolve({ ...two, OPENROUTER_MODEL: '' }).access?.provider).toBe('openai');
  });

  test('the env of the sandbox goes before the settings of the server', () => {
    const server = { OPENROUTER_API_KEY: 'server-key', OPENROUTER_MODEL: 'server/model' };
    const { access, credentials } = resolve({ ANTHROPIC_API_KEY: KEY, ANTHROPIC_MODEL: 'claude' }, server);
    expect(access).toMatchObject({ provider: 'anthropic', upstream: { apiKey: KEY } });
    expect(credentials.openrouter).toMatchObject({ apiKey: 'server-key' });
  });

  test('the settings of the server serve a sandbox that brings nothing', () => {
    const server = { OPENAI_API_KEY: KEY, OPENAI_MODEL: 'gpt', OPENAI_SMALL_MODEL: 'gpt-small' };
    expect(resolve({}, server).access).toMatchObject({ model: 'gpt', smallModel: 'gpt-small' });
  });

  test('the keys of the organization go before the settings of the server, after the env of the sandbox', () => {
    const server = { OPENROUTER_API_KEY: 'server-key', OPENROUTER_MODEL: 'server/model' };
    const organization = { ANTHROPIC_API_KEY: 'organization-key', ANTHROPIC_MODEL: 'claude' };
    const { access, credentials } = resolve({}, server, organization);
    expect(access).toMatchObject({ provider: 'anthropic', upstream: { apiKey: 'organization-key' } });
    expect(credentials.openrouter).toMatchObject({ apiKey: 'server-key' });
    const own = resolve({ ANTHROPIC_API_KEY: KEY, ANTHROPIC_MODEL: 'other' }, server, organization);
    expect(own.access).toMatchObject({ model: 'other', upstream: { apiKey: KEY } });
    const named = resolve({ OPENROUTER_MODEL: 'server/large' }, server, organization);
    expect(named.access).toMatchObject({ provider: 'openrouter', model: 'server/large' });
  });

  test('a key of the organization never goes to a URL of the sandbox or the server', () => {
    const organization = { OPENAI_API_KEY: 'organization-key', OPENAI_MODEL: 'gpt' };
    const env = { OPENAI_BASE_URL: 'https://models.example.com/v1' };
    expect(resolve(env, {}, organization).credentials.openai).toMatchObject({ apiKey: null });
    const server = { OPENAI_BASE_URL: 'https://models.example.com/v1' };
    expect(resolve({}, server, organization).credentials.openai).toMatchObject({
      apiKey: 'organization-key',
      baseUrl: 'https://api.openai.com/v1',
    });
  });

  test('a sandbox may name another model of the server’s provider', () => {
    const server = { OPENAI_API_KEY: KEY, OPENAI_MODEL: 'gpt', OPENAI_SMALL_MODEL: 'gpt-small' };
    expect(resolve({ OPENAI_MODEL: 'gpt-big' }, server).access).toMatchObject({
      model: 'gpt-big',
      smallModel: 'gpt-big',
    });
  });

  test('a key of the server never goes to a base URL of the sandbox', () => {
    const server = { OPENAI_API_KEY: KEY, OPENAI_MODEL: 'gpt' };
    const { credentials } = resolve({ OPENAI_BASE_URL: 'https://evil.example/v1' }, server);
    expect(credentials.openai).toEqual({ kind: 'http', baseUrl: 'https://evil.example/v1', apiKey: null });
  });

  test('a key of the sandbox never goes to a base URL of the server', () => {
    const { credentials } = resolve({ OPENAI_API_KEY: KEY }, { OPENAI_BASE_URL: 'http://10.0.0.1/v1' });
    expect(credentials.openai).toMatchObject({ baseUrl: 'https://api.openai.com/v1' });
  });

  test('a base URL alone is enough, as for a local server', () => {
    const { access } = resolve({ OPENAI_BASE_URL: 'http://host.example:11434/v1/', OPENAI_MODEL: 'llama' });
    expect(access?.upstream).toEqual({
      kind: 'http',
      baseUrl: 'http://host.example:11434/v1',
      apiKey: null,
    });
  });

  test.each(['https://api.example.com', 'https://api.example.com/', 'https://api.example.com/v1'])(
    'the base URL %s of Anthropic’s API is taken with and without the version',
    (url) => {
      const { credentials } = resolve({ ANTHROPIC_BASE_URL: url });
      expect(credentials.anthropic).toMatchObject({ baseUrl: 'https://api.example.com/v1' });
    },
  );

  test('a key without a model is a problem that names the variable, and is not replaced in silence', () => {
    const server = { OPENROUTER_API_KEY: 'server-key', OPENROUTER_MODEL: 'server/model' };
    const { access, problem, credentials } = resolve({ OPENAI_API_KEY: KEY }, server);
    expect(access).toBeNull();
    expect(problem).toContain('OPENAI_MODEL is not set');
    expect(credentials.openai).toBeDefined();
  });

  test('a model without a key is a problem that names the variables', () => {
    expect(resolve({ ANTHROPIC_MODEL: 'claude' }).problem).toContain('no ANTHROPIC_API_KEY');
  });

  test('nothing at all is a problem that says how to configure a model', () => {
    const { access, problem } = resolve({ PATH: '/bin' });
    expect(access).toBeNull();
    for (const name of ['OPENROUTER_API_KEY', 'OPENAI_MODEL', 'ANTHROPIC_MODEL', 'BANATA_MODEL=demo']) {
      expect(problem).toContain(name);
    }
  });

  test.each([
    [{ OPENAI_BASE_URL: 'nonsense', OPENAI_MODEL: 'm' }, 'OPENAI_BASE_URL is not a URL'],
    [{ OPENAI_BASE_URL: 'file:///etc/passwd', OPENAI_MODEL: 'm' }, 'http: and https: are allowed'],
    [{ OPENAI_BASE_URL: 'http://a:b@example.com', OPENAI_MODEL: 'm' }, 'user name or password'],
    [{ OPENAI_BASE_URL: 'http://example.com/?x=1', OPENAI_MODEL: 'm' }, 'no query'],
    [{ OPENAI_API_KEY: 'two\nlines', OPENAI_MODEL: 'm' }, 'OPENAI_API_KEY is not a usable key'],
    [{ OPENAI_API_KEY: KEY, OPENAI_MODEL: 'a b' }, 'OPENAI_MODEL is not a usable model id'],
    [{ BANATA_MODEL: 'gpt' }, 'BANATA_MODEL="gpt" is unknown'],
  ])('%j is refused', (env, text) => {
    const { access, problem } = resolve(env);
    expect(access).toBeNull();
    expect(problem).toContain(text);
    expect(problem).not.toContain('two\nlines');
  });
});

describe('the demo model', () => {
  test('is chosen by name only, also beside a real key', () => {
    const env = { BANATA_MODEL: 'demo', OPENROUTER_API_KEY: KEY, OPENROUTER_MODEL: 'acme/main-1' };
    const { access, credentials, boxEnv } = resolve(env);
    expect(access).toEqual({
      provider: 'openai',
      upstream: { kind: 'demo' },
      model: 'banata-demo',
      smallModel: 'banata-demo',
    });
    expect(credentials.openrouter).toMatchObject({ apiKey: KEY });
    expect(boxEnv(ORIGIN, TOKEN)).toMatchObject({ OPENAI_API_KEY: TOKEN, OPENAI_MODEL: 'banata-demo' });
  });

  test('is not chosen by the settings of the server', () => {
    expect(resolve({}, { BANATA_MODEL: 'demo' }).access).toBeNull();
  });
});

describe('the environment of the box', () => {
  test('carries the gateway under the names that programs expect', () => {
    const { boxEnv } = resolve(
      { OPENROUTER_API_KEY: KEY, OPENROUTER_MODEL: 'acme/main-1', APP: 'x' },
      { ANTHROPIC_API_KEY: 'server-key' },
    );
    expect(boxEnv(ORIGIN, TOKEN)).toEqual({
      APP: 'x',
      OPENROUTER_API_KEY: TOKEN,
      OPENROUTER_BASE_URL: `${ORIGIN}/model/openrouter/api/v1`,
      OPENROUTER_MODEL: 'acme/main-1',
      OPENROUTER_SMALL_MODEL: 'acme/main-1',
      ANTHROPIC_API_KEY: TOKEN,
      ANTHROPIC_BASE_URL: `${ORIGIN}/model/anthropic`,
    });
  });

  test('leaves out a credential that cannot be used', () => {
    const { boxEnv, hidden } = resolve({ OPENAI_API_KEY: 'a b', OPENAI_BASE_URL: 'nonsense' });
    expect(boxEnv(ORIGIN, TOKEN)).toEqual({});
    expect(hidden).toEqual(['OPENAI_API_KEY', 'OPENAI_BASE_URL']);
  });

  test('never holds a real key or base URL, whatever is given', () => {
    const secret = fc
      .tuple(
        fc.constantFrom('', ' ', 'sk-', 'https://u:p@', 'https://', 'file://'),
        fc.uuid(),
        fc.constantFrom('', '/v1', ' x', '\n'),
      )
      .map((parts) => parts.join(''));
    const swapped = MODEL_VARIABLES.flatMap(({ apiKey, baseUrl }) => [apiKey, baseUrl]);
    const plain = MODEL_VARIABLES.flatMap(({ model, smallModel }) => [model, smallModel]);
    const source = fc.record(
      {
        ...Object.fromEntries(swapped.map((name) => [name, secret])),
        ...Object.fromEntries(plain.map((name) => [name, fc.constantFrom('', 'acme/m', 'a b')])),
        BANATA_MODEL: fc.constantFrom('demo', 'other', ''),
        OTHER: fc.constant('kept'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(source, source, (env, server) => {
        const { boxEnv, access } = resolve(env, server);
        const box = boxEnv(ORIGIN, TOKEN);
        const shown = JSON.stringify([
          box,
          access === null ? null : boxModel(access, { origin: ORIGIN, token: TOKEN }),
        ]);
        for (const given of [env, server] as Variables[]) {
          for (const name of swapped) {
            const core = /[0-9a-f-]{36}/.exec(given[name] ?? '')?.[0];
            if (core !== undefined) expect(shown).not.toContain(core);
          }
        }
        expect(box['OTHER']).toBe((env as Variables)['OTHER']);
      }),
      { numRuns: 500 },
    );
  });

  test('a problem never shows a key', () => {
    const { problem } = resolve({ OPENAI_API_KEY: `${KEY} ${KEY}`, OPENAI_MODEL: 'm' });
    expect(problem).not.toContain(KEY);
  });
});

describe('boxModel', () => {
  test.each([
    ['OPENROUTER', '/model/openrouter/api/v1'],
    ['OPENAI', '/model/openai/v1'],
    ['ANTHROPIC', '/model/anthropic/v1'],
  ])('points the agent at the gateway for %s', (prefix, path) => {
    const { access } = resolve({
      [`${prefix}_API_KEY`]: KEY,
      [`${prefix}_MODEL`]: 'm',
      [`${prefix}_SMALL_MODEL`]: 's',
    });
    if (access === null) throw new Error('no access');
    expect(boxModel(access, { origin: ORIGIN, token: TOKEN })).toEqual({
      provider: prefix.toLowerCase(),
      baseUrl: `${ORIGIN}${path}`,
      apiKey: TOKEN,
      model: 'm',
      models: [],
      smallModel: 's',
    });
  });
});
