import type { Socket } from 'node:net';
import { MAX_HELLO_BYTES, readClientHello } from './client-hello.ts';

/** What a connection turns out to carry. `silent`: the client waits for the server to speak first. */
export type Opening =
  | { kind: 'tls'; serverName: string | null }
  | { kind: 'http' }
  | { kind: 'other' }
  | { kind: 'silent' }
  /** TLS or HTTP that cannot be judged, or the client went away. */
  | { kind: 'unusable' };

/** Programs that wait for a greeting get one after this long. */
const SILENCE_MS = 400;
const HELLO_TIMEOUT_MS = 10_000;

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  // HTTP/2 without TLS begins with a line of its own.
  'PRI',
];
/** Extension methods are HTTP too: a token, a space, and a target. */
const REQUEST_LINE = /^[A-Z][A-Z-]{0,31} (?:\/|\*|[a-z]+:\/\/|[^\s]+:\d)/;
const LONGEST_START = 48;

/** Judges the first bytes of a connection; undefined when more are needed. */
export function classify(data: Buffer): Opening | undefined {
  if (data.length === 0) return undefined;
  if (data[0] === 0x16) return classifyTls(data);
  const text = data.subarray(0, LONGEST_START).toString('latin1');
  if (METHODS.some((method) => text.startsWith(`${method} `)) || REQUEST_LINE.test(text))
    return { kind: 'http' };
  const mayBecomeHttp = data.length < LONGEST_START && /^[A-Z][A-Z-]*(?: \S*)?$/.test(text);
  return mayBecomeHttp ? undefined : { kind: 'other' };
}

function classifyTls(data: Buffer): Opening | undefined {
  const hello = readClientHello(data);
  if (hello.state === 'whole') return { kind: 'tls', serverName: hello.serverName };
  if (hello.state === 'invalid') return { kind: 'unusable' };
  return data.length > MAX_HELLO_BYTES ? { kind: 'unusable' } : undefined;
}

/**
 * Waits until a connection shows what it carries. The socket is paused afterwards, and what was read of it is to be
 * passed on first.
 */
export function readOpening(socket: Socket): Promise<{ opening: Opening; head: Buffer }> {
  return new Promise((resolve) => {
    let head: Buffer = Buffer.alloc(0);
    const finish = (opening: Opening): void => {
      clearTimeout(timer);
      socket.pause();
      socket.off('data', onData).off('end', onEnd).off('close', onEnd);
      resolve({ opening, head });
    };
    const onEnd = (): void => finish({ kind: 'unusable' });
    const onData = (chunk: Buffer): void => {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      clearTimeout(timer);
      timer = setTimeout(() => finish({ kind: head[0] === 0x16 ? 'unusable' : 'other' }), HELLO_TIMEOUT_MS);
      const opening = classify(head);
      if (opening) finish(opening);
    };
    let timer = setTimeout(() => finish({ kind: 'silent' }), SILENCE_MS);
    socket.on('data', onData).once('end', onEnd).once('close', onEnd);
  });
}
