import type { ModelAccess, ModelCredentials, ModelProvider, ModelUpstream } from './model-access.ts';
import { keyProblem, modelProblem, urlProblem } from './variable-problems.ts';
import { DEMO_MODEL_ID, DEMO_VARIABLE, MODEL_VARIABLES, type ProviderVariables } from './model-variables.ts';

type Variables = Readonly<Record<string, string>>;

interface ResolveInput {
  /** `env` of the sandbox, as its owner gave it. */
  env: Variables;
  /** What its organization has set, under the same names. */
  organization: Variables;
  /** The same variables of the server's settings. */
  server: Variables;
}

export interface ModelResolution {
  /** The agent's model; null when there is none, and `problem` says why. */
  access: ModelAccess | null;
  /** What is missing or wrong and how to mend it; never shows a key. Null when `access` is there. */
  problem: string | null;
  /** Everything the gateway serves to this sandbox, also what its agent does not use. */
  credentials: ModelCredentials;
  /** Names in `env` whose values must not enter the sandbox; `boxEnv` has already left them out. */
  hidden: string[];
  /**
   * The whole environment for the sandbox: `env` without the hidden values, with the gateway's token and URLs in their place.
   * @param origin of the boxes' listener, such as `http://host.banata.internal:7071`.
   * @param token of this sandbox at the gateway.
   */
  boxEnv: (origin: string, token: string) => Record<string, string>;
}

/** What is known of one provider after both sources were read. */
interface Candidate {
  variables: ProviderVariables;
  /** The sandbox's own `env` names this provider. */
  named: boolean;
  /** Who brings `upstream`. */
  from: Source;
  upstream: ModelUpstream | null;
  model: string | null;
  smallModel: string | null;
  problem: string | null;
}

/** Empty variables count as unset, and blanks around a value as a slip. */
function valueOf(source: Variables, name: string): string | null {
  const value = Object.hasOwn(source, name) ? source[name]?.trim() : undefined;
  return value === undefined || value === '' ? null : value;
}

/** Anthropic's own SDKs leave the version out of the base URL, others put it in; both are taken. */
function upstreamUrl(provider: ModelProvider, text: string): string {
  const url = new URL(text).href.replace(/\/+$/, '');
  return provider === 'anthropic' && !url.endsWith('/v1') ? `${url}/v1` : url;
}

/** Who brings a credential, the one that goes first at the head. */
const SOURCES = ['env', 'organization', 'server'] as const;
type Source = (typeof SOURCES)[number];

interface Credential {
  from: Source;
  upstream: ModelUpstream | null;
  problem: string | null;
}

/** Key and base URL come from one source together: a key of the server never goes to a URL that a tenant gave. */
function credentialOf(variables: ProviderVariables, input: ResolveInput): Credential {
  const names = [variables.apiKey, variables.baseUrl];
  const from =
    SOURCES.find((name) => names.some((variable) => valueOf(input[name], variable) !== null)) ?? 'server';
  const source = input[from];
  const apiKey = valueOf(source, variables.apiKey);
  const url = valueOf(source, variables.baseUrl);
  const problem = keyProblem(variables.apiKey, apiKey) ?? urlProblem(variables.baseUrl, url);
  if (problem !== null || (apiKey === null && url === null)) return { from, upstream: null, problem };
  const baseUrl = upstreamUrl(variables.provider, url ?? variables.defaultBaseUrl);
  return { from, upstream: { kind: 'http', baseUrl, apiKey }, problem };
}

/** Models are named by the owner of the key; but a sandbox may choose another model of a provider it brings no key of. */
function candidate(variables: ProviderVariables, input: ResolveInput): Candidate {
  const { from, upstream, problem } = credentialOf(variables, input);
  const isOwn = from === 'env';
  const ownModel = valueOf(input.env, variables.model);
  const ownSmall = valueOf(input.env, variables.smallModel);
  const fallback = isOwn ? {} : input[from];
  const model = ownModel ?? valueOf(fallback, variables.model);
  const smallModel = ownSmall ?? ownModel ?? valueOf(fallback, variables.smallModel) ?? model;
  const modelFault = modelProblem(variables.model, model) ?? modelProblem(variables.smallModel, smallModel);
  const named = isOwn || ownModel !== null || ownSmall !== null;
  return { variables, named, from, upstream, model, smallModel, problem: problem ?? modelFault };
}

function missing({ variables, upstream, problem }: Candidate): string {
  if (problem !== null) return problem;
  if (upstream === null) {
    return `The sandbox names ${variables.model} or ${variables.smallModel}, but there is no ${variables.apiKey} and no ${variables.baseUrl}. Add one of them to its env, or to the server's settings.`;
  }
  return `${variables.model} is not set, so the agent does not know which model to use. Add it to the env of the sandbox beside the key.`;
}

const NOTHING =
  'No model is configured. Create the sandbox with env OPENROUTER_API_KEY and OPENROUTER_MODEL (or OPENAI_API_KEY and OPENAI_MODEL, ' +
  'or ANTHROPIC_API_KEY and ANTHROPIC_MODEL), set the same variables for the server, or choose the demo script with env BANATA_MODEL=demo.';

/**
 * The first provider, in the order of `MODEL_VARIABLES`, that has a credential and a model. If the sandbox's env names
 * any provider, only those it names are looked at: what it asked for is not replaced by something else in silence.
 */
function choose(candidates: Candidate[]): Pick<ModelResolution, 'access' | 'problem'> {
  const named = candidates.filter((item) => item.named);
  const others = candidates.filter((item) => item.upstream ?? item.problem);
  const bySource = SOURCES.flatMap((source) => others.filter(({ from }) => from === source));
  const considered = named.length > 0 ? named : bySource;
  for (const { variables, upstream, model, smallModel, problem } of considered) {
    if (problem !== null || upstream === null || model === null) continue;
    const access = { provider: variables.provider, upstream, model, smallModel: smallModel ?? model };
    return { access, problem: null };
  }
  const [first] = considered;
  return { access: null, problem: first === undefined ? NOTHING : missing(first) };
}

function swappedEnv(candidates: Candidate[], origin: string, token: string): Record<string, string> {
  const swapped: Record<string, string> = {};
  for (const { variables, upstream, model, smallModel } of candidates) {
    if (upstream === null) continue;
    swapped[variables.apiKey] = token;
    swapped[variables.baseUrl] = `${origin}${variables.gatewayPath}`;
    if (model !== null) swapped[variables.model] = model;
    if (smallModel !== null) swapped[variables.smallModel] = smallModel;
  }
  return swapped;
}

/** The demo takes the place of the `openai` provider, whose wire format it speaks. */
function demoCandidate(item: Candidate): Candidate {
  if (item.variables.provider !== 'openai') return item;
  const model = { model: DEMO_MODEL_ID, smallModel: DEMO_MODEL_ID };
  return { ...item, ...model, named: true, upstream: { kind: 'demo' }, problem: null };
}

function chooseDemo(value: string): Pick<ModelResolution, 'access' | 'problem'> {
  if (value !== 'demo') {
    const problem = `${DEMO_VARIABLE}=${JSON.stringify(value.slice(0, 100))} is unknown; the one allowed value is "demo". Name a real model with OPENROUTER_MODEL, OPENAI_MODEL or ANTHROPIC_MODEL.`;
    return { access: null, problem };
  }
  const model = { model: DEMO_MODEL_ID, smallModel: DEMO_MODEL_ID };
  return { access: { provider: 'openai', upstream: { kind: 'demo' }, ...model }, problem: null };
}

/**
 * Decides which model the agent of a sandbox uses and what of its environment goes into the sandbox. Pure.
 *
 * Order of choice: `BANATA_MODEL=demo` in the sandbox's env; then the sandbox's env; then its organization's keys; then
 * the server's settings; within each, OpenRouter, OpenAI, Anthropic. A base URL alone is a credential, since local model servers need no key.
 */
export function resolveModelAccess(input: ResolveInput): ModelResolution {
  const wanted = valueOf(input.env, DEMO_VARIABLE);
  const real = MODEL_VARIABLES.map((variables) => candidate(variables, input));
  const candidates = wanted === 'demo' ? real.map(demoCandidate) : real;
  const credentials: ModelCredentials = {};
  for (const { variables, upstream } of candidates) {
    if (upstream !== null) credentials[variables.provider] = upstream;
  }
  const secretNames = MODEL_VARIABLES.flatMap(({ apiKey, baseUrl }) => [apiKey, baseUrl]);
  const hidden = secretNames.filter((name) => valueOf(input.env, name) !== null);
  return {
    ...(wanted === null ? choose(candidates) : chooseDemo(wanted)),
    credentials,
    hidden,
    boxEnv: (origin, token) => {
      const rest = Object.entries(input.env).filter(([name]) => !hidden.includes(name));
      return { ...Object.fromEntries(rest), ...swappedEnv(candidates, origin, token) };
    },
  };
}
