import type { SandboxSession } from '@banata-boxes/sdk';
import { connect } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { formatMs, plainText } from '../output.ts';

export interface ListOptions {
  all?: boolean;
}

export async function list(context: CliContext, options: ListOptions): Promise<void> {
  const { output, signal } = context;
  const client = await connect(context);
  const sandboxes: SandboxSession[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await client.list({
      limit: 200,
      signal,
      ...(options.all && { all: true }),
      ...(cursor && { cursor }),
    });
    sandboxes.push(...page.data);
    cursor = page.nextCursor;
  }
  if (output.json) return output.result(sandboxes);
  if (sandboxes.length === 0) return output.say('No sandboxes.');
  output.say(`${'ID'.padEnd(34)}${'STATUS'.padEnd(11)}${'AGE'.padEnd(15)}${'ENDS IN'.padEnd(15)}LABELS`);
  for (const sandbox of sandboxes) {
    const left = sandbox.endedAt === null ? formatMs(Math.max(0, sandbox.expiresAt - Date.now())) : '-';
    const labels = Object.entries(sandbox.metadata).map(([name, value]) => plainText(`${name}=${value}`));
    const age = formatMs(Date.now() - sandbox.createdAt);
    output.say(
      `${sandbox.id.padEnd(34)}${sandbox.status.padEnd(11)}${age.padEnd(15)}${left.padEnd(15)}${labels.join(' ')}`,
    );
  }
}
