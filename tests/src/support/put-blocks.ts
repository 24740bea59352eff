import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';

/** Sends the same block again and again, numbered, as the body of a PUT. Resolves with the status. */
export async function putBlocks(
  url: string,
  {
    key,
    block,
    count,
    onBlock,
  }: { key: string; block: Buffer; count: number; onBlock: (sent: Buffer) => void },
): Promise<number> {
  const outgoing = request(url, {
    method: 'PUT',
    headers: { authorization: `Bearer ${key}`, 'content-length': block.length * count },
  });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => undefined);
  for (let index = 0; index < count; index += 1) {
    const one = Buffer.from(block);
    one.writeUInt32LE(index);
    onBlock(one);
    if (!outgoing.write(one)) await Promise.race([once(outgoing, 'drain'), answered]);
  }
  outgoing.end();
  const [reply] = await answered;
  reply.resume();
  return reply.statusCode ?? 0;
}
