import { z } from 'zod';

/** What one organization's models may use. */
export const dailyModelSettings = {
  BANATA_MODEL_DAILY_REQUESTS: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Model requests that one organization’s sandboxes may make in a day (UTC). Default: no bound.'),
  BANATA_MODEL_DAILY_TOKENS: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Tokens, input and output, that they may use in a day (UTC). Default: no bound.'),
  BANATA_MODEL_DAILY_COST_USD: z.coerce
    .number()
    .positive()
    .optional()
    .describe(
      'US dollars that they may cost in a day (UTC), as providers or BANATA_MODEL_PRICES_FILE tell. Default: no bound.',
    ),
  BANATA_MODEL_DAILY_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Seconds that their model calls may take in a day (UTC), added up. Default: no bound.'),
  BANATA_MODEL_PRICES_FILE: z
    .string()
    .optional()
    .describe(
      'JSON file with what models cost whose providers do not say it (docs/models.md). Default: none.',
    ),
};

/** Models of sandboxes that bring none. */
export const modelSettings = {
  OPENROUTER_API_KEY: z
    .string()
    .optional()
    .describe('Model key for sandboxes that bring none; so are the next ones.'),
  OPENROUTER_BASE_URL: z.string().optional().describe('Server that speaks OpenRouter’s API.'),
  OPENROUTER_MODEL: z.string().optional().describe('Model id.'),
  OPENROUTER_SMALL_MODEL: z
    .string()
    .optional()
    .describe('Model for titles and small jobs. Default: the same model.'),
  OPENAI_API_KEY: z.string().optional().describe('Key for OpenAI or a compatible server.'),
  OPENAI_BASE_URL: z.string().optional().describe('Server that speaks OpenAI’s chat completions.'),
  OPENAI_MODEL: z.string().optional().describe('Model id.'),
  OPENAI_SMALL_MODEL: z.string().optional().describe('Model for small jobs.'),
  ANTHROPIC_API_KEY: z.string().optional().describe('Key for Anthropic or a compatible server.'),
  ANTHROPIC_BASE_URL: z.string().optional().describe('Server that speaks Anthropic’s messages API.'),
  ANTHROPIC_MODEL: z.string().optional().describe('Model id.'),
  ANTHROPIC_SMALL_MODEL: z.string().optional().describe('Model for small jobs.'),
};
