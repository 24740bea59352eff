import { z } from 'zod';
import { idSchema } from '../ids.ts';

/** Most entries of one list of rules. */
export const MAX_NETWORK_RULES = 256;

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/** True for `example.com` and `*.example.com`, in lowercase ASCII (Punycode for other scripts). */
function isDomainRule(text: string): boolean {
  const name = text.startsWith('*.') ? text.slice(2) : text;
  const labels = name.split('.');
  return (
    name.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  );
}

/** True for an IPv4 address or block such as `203.0.113.0/24`. */
export function isAddressRule(text: string): boolean {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (!match) return false;
  return match.slice(1, 5).every((part) => Number(part) <= 255) && Number(match[5] ?? 32) <= 32;
}

const ruleSchema = z
  .string()
  .trim()
  .toLowerCase()
  .refine(
    (text) => text === '*' || isAddressRule(text) || isDomainRule(text),
    'give a domain ("example.com"), a wildcard for its subdomains ("*.example.com"), an IPv4 address or block ("203.0.113.0/24"), or "*"',
  );

const rulesSchema = z.array(ruleSchema).max(MAX_NETWORK_RULES);

/** What a sandbox may reach. */
export const networkSchema = z.strictObject({
  egress: z
    .union([
      z.enum(['all', 'none']),
      z
        .strictObject({
          allow: rulesSchema
            .optional()
            .describe('What may be reached; nothing else may. Default ["*"]: everything that is not denied.'),
          deny: rulesSchema.optional().describe('What may not be reached, also where `allow` has it.'),
        })
        .refine(
          ({ allow, deny }) => allow !== undefined || deny !== undefined,
          'give "allow", "deny" or both',
        ),
    ])
    .describe(
      '"all": the public internet. "none": nothing but the model gateway. Rules: domains hold for TCP by TLS server name, HTTP Host header or the name service’s answers; UDP and ICMP are open to IPv4 blocks only.',
    ),
});
export type Network = z.infer<typeof networkSchema>;
export type NetworkRules = Exclude<Network['egress'], string>;

export const DEFAULT_NETWORK: Network = { egress: 'all' };

/** One connection of a sandbox, or attempt at one. */
export const connectionSchema = z.object({
  id: z.number().int().describe('Grows with time.'),
  time: z.number().describe('When it began, ms.'),
  protocol: z.enum(['tls', 'http', 'tcp', 'udp', 'dns']),
  host: z
    .string()
    .nullable()
    .describe(
      'Name it went to: of the TLS or HTTP request, or what the sandbox had looked up. Null: unknown.',
    ),
  address: z.string().nullable().describe('Null where no address was dialled or known.'),
  port: z.number().int(),
  bytesSent: z.number(),
  bytesReceived: z.number(),
  allowed: z.boolean(),
  rule: z.string().describe('The rule that decided, such as "*.example.com", or a word for it.'),
});
export type Connection = z.infer<typeof connectionSchema>;

export const networkChangeSchema = z.strictObject({ id: idSchema, network: networkSchema });
