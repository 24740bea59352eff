import { z } from 'zod';

const actionSchema = z.enum(['allow', 'ask', 'deny']);

/**
 * What the agent may do without asking: `allow` (all), `ask` (nothing), or rules by tool (`bash`, `edit`, `webfetch`,
 * `question`, …; `*` for all others), each an action or actions by pattern, of which the last that fits counts.
 */
export const agentPermissionsSchema = z.union([
  z.enum(['allow', 'ask']),
  z.record(
    z.string().regex(/^[\w*-]{1,100}$/, 'the name of a tool, or *'),
    z.union([actionSchema, z.record(z.string().max(500), actionSchema)]),
  ),
]);
export type AgentPermissions = z.infer<typeof agentPermissionsSchema>;

/**
 * Further tool servers (Model Context Protocol), by name: programs that run in the sandbox, or servers it reaches.
 * Values may hold `{env:NAME}`, which stands for a variable of the sandbox: keys belong there, not here.
 */
export const agentMcpSchema = z
  .record(
    z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,40}$/, 'a name of lower-case letters, digits, "_" and "-"')
      .refine((name) => name !== 'playwright', '"playwright" is the name of the browser tools'),
    z.union([
      z.strictObject({
        command: z.array(z.string().min(1).max(4096)).min(1).max(50),
        environment: z.record(z.string().max(200), z.string().max(4096)).optional(),
      }),
      z.strictObject({
        url: z.url({ protocol: /^https?$/ }).max(2048),
        headers: z.record(z.string().max(200), z.string().max(4096)).optional(),
      }),
    ]),
  )
  .refine((servers) => Object.keys(servers).length <= 10, 'at most 10 servers');
export type AgentMcp = z.infer<typeof agentMcpSchema>;
