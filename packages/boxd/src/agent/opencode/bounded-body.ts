/** The reply was longer than the reader was willing to hold. */
class ReplyTooLargeError extends Error {
  constructor(maxBytes: number) {
    super(`the agent server's reply is larger than ${maxBytes} bytes`);
    this.name = 'ReplyTooLargeError';
  }
}

/** Reads a fetch reply as text, at most `maxBytes`. Throws beyond that. */
export async function readBoundedText(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (size > maxBytes) throw new ReplyTooLargeError(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
