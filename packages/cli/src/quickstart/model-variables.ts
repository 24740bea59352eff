import { CliError } from '../cli-error.ts';

const PROVIDERS = ['OPENROUTER', 'OPENAI', 'ANTHROPIC'] as const;
const FIELDS = ['API_KEY', 'BASE_URL', 'MODEL', 'SMALL_MODEL'] as const;

const NEXT =
  'Set OPENROUTER_API_KEY and OPENROUTER_MODEL (or OPENAI_…, or ANTHROPIC_…; *_BASE_URL for a server of your own), ' +
  'or run ./banata quickstart --demo, which plays a script instead of a model.';

/**
 * The environment that gives a sandbox its model.
 * @param serverMayHaveModel An installation that runs already may have a model among its own settings.
 * @throws CliError when no model is chosen, or one without a name.
 */
export function modelEnvironment(
  env: Record<string, string | undefined>,
  options: { demo: boolean; serverMayHaveModel: boolean },
): Record<string, string> {
  if (options.demo) return { BANATA_MODEL: 'demo' };
  const chosen: Record<string, string> = {};
  for (const provider of PROVIDERS) {
    for (const field of FIELDS) {
      const value = env[`${provider}_${field}`];
      if (value) chosen[`${provider}_${field}`] = value;
    }
  }
  const reachable = PROVIDERS.filter((name) => `${name}_API_KEY` in chosen || `${name}_BASE_URL` in chosen);
  if (reachable.some((name) => `${name}_MODEL` in chosen)) return chosen;
  const [first] = reachable;
  if (first)
    throw new CliError(`${first}_API_KEY or ${first}_BASE_URL is set, but ${first}_MODEL is not`, NEXT);
  if (options.serverMayHaveModel) return {};
  throw new CliError('No model is set for the agent', NEXT);
}
