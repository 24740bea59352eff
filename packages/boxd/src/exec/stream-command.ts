import type { BoxExecResult } from '@banata/protocol/box';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SseStream } from '../http/sse.ts';
import type { OutputFile } from './output-file.ts';
import type { RunningCommand } from './running-command.ts';

const CHUNK_BYTES = 64 * 1024;
const MIN_POLL_MS = 10;
const MAX_POLL_MS = 100;

/** Sends a command's output while it runs, then its result. The command never waits for the reader. */
export async function streamCommand(
  command: RunningCommand | BoxExecResult,
  stream: SseStream,
): Promise<void> {
  if ('result' in command) {
    try {
      await follow(command, stream);
    } finally {
      const result = await command.result();
      await stream.send({ event: 'result', data: JSON.stringify(result) });
    }
  } else {
    if (command.stderr) await sendText(stream, 'stderr', command.stderr);
    await stream.send({ event: 'result', data: JSON.stringify(command) });
  }
  stream.end();
}

async function follow(command: RunningCommand, stream: SseStream): Promise<void> {
  const followers = [
    new Follower(command.stdout, 'stdout', stream),
    new Follower(command.stderr, 'stderr', stream),
  ];
  const state = { ended: false };
  const end = command.ended.then(() => (state.ended = true));
  let pollMs = MIN_POLL_MS;
  while (!state.ended) {
    let sent = false;
    for (const follower of followers) sent = (await follower.advance()) || sent;
    pollMs = sent ? MIN_POLL_MS : Math.min(pollMs * 2, MAX_POLL_MS);
    if (!sent) await Promise.race([sleep(pollMs), end]);
  }
  for (const follower of followers) await follower.finish();
}

/** Reads a growing file from where it left off. */
class Follower {
  readonly #file: OutputFile;
  readonly #event: 'stdout' | 'stderr';
  readonly #stream: SseStream;
  readonly #decoder = new StringDecoder('utf8');
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  #position = 0;

  constructor(file: OutputFile, event: 'stdout' | 'stderr', stream: SseStream) {
    this.#file = file;
    this.#event = event;
    this.#stream = stream;
  }

  /** Sends what came since the last call; resolves with whether there was something. */
  async advance(): Promise<boolean> {
    const length = await this.#file.read(this.#buffer, this.#position);
    this.#position += length;
    await this.#send(this.#decoder.write(this.#buffer.subarray(0, length)));
    return length > 0;
  }

  /** Sends what there is now, and no more: a background process may write for ever. */
  async finish(): Promise<void> {
    const size = await this.#file.size();
    while (this.#position < size && (await this.advance()));
    await this.#send(this.#decoder.end());
  }

  async #send(text: string): Promise<void> {
    if (text !== '') await sendText(this.#stream, this.#event, text);
  }
}

async function sendText(stream: SseStream, event: string, text: string): Promise<void> {
  await stream.send({ event, data: JSON.stringify({ text }) });
}
