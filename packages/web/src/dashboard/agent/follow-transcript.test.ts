import { BanataSandbox, type BanataEvent, type Sandbox } from '@banata-boxes/sdk';
import { describe, expect, it } from 'vitest';
import { followTranscript } from './follow-transcript.ts';

type Answer = (request: URL) => Response;

function line(seq: number, type: string): string {
  return `data: ${JSON.stringify({ id: `e${seq}`, sandboxId: 'b', seq, type, data: {}, createdAt: 0 })}\n\n`;
}

/** A handle whose event stream is answered by each of `answers` in turn. */
async function connect(answers: Answer[]): Promise<{ sandbox: Sandbox; asked: (string | null)[] }> {
  const asked: (string | null)[] = [];
  const client = new BanataSandbox({
    apiKey: 'br_live_x',
    retry: { maxRetries: 0 },
    fetch: (input) => {
      const url = new URL(input instanceof Request ? input.url : input);
      if (!url.pathname.endsWith('/events')) {
        return Promise.resolve(Response.json({ id: 'b', status: 'ready' }));
      }
      asked.push(url.searchParams.get('after'));
      const next = answers.shift();
      if (!next) throw new TypeError('no more answers');
      return Promise.resolve(next(url));
    },
  });
  return { sandbox: await client.connect('b'), asked };
}

describe('followTranscript', () => {
  it('goes on where a broken stream stopped, tells of the gap, and ends with the sandbox', async () => {
    const { sandbox, asked } = await connect([
      () => new Response(line(1, 'sandbox.created') + line(2, 'sandbox.ready')),
      () => Response.json({}, { status: 503 }),
      () => new Response(line(2, 'sandbox.ready') + line(3, 'sandbox.ended')),
    ]);
    const seen: BanataEvent[] = [];
    const problems: (string | null)[] = [];
    await followTranscript(sandbox, {
      onEvents: (events) => seen.push(...events),
      onProblem: (problem) => problems.push(problem),
      signal: new AbortController().signal,
    });
    await expect.poll(() => seen.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(asked).toEqual(['0', '2', '2']);
    expect(problems.some((problem) => problem !== null)).toBe(true);
    expect(problems.at(-1)).toBeNull();
  });

  it('gives up with the reason when the server refuses', async () => {
    const { sandbox, asked } = await connect([
      () => Response.json({ error: 'Insufficient permissions', code: 'PERMISSION_DENIED' }, { status: 403 }),
    ]);
    const problems: (string | null)[] = [];
    await followTranscript(sandbox, {
      onEvents: () => undefined,
      onProblem: (problem) => problems.push(problem),
      signal: new AbortController().signal,
    });
    expect(problems).toEqual(['Insufficient permissions']);
    expect(asked).toHaveLength(1);
  });

  it('ends at once when it is aborted while it waits', async () => {
    const ending = new AbortController();
    const { sandbox } = await connect([]);
    const followed = followTranscript(sandbox, {
      onEvents: () => undefined,
      onProblem: () => ending.abort(),
      signal: ending.signal,
    });
    await expect(followed).resolves.toBeUndefined();
  });
});
