interface CdpBody {
  params?: unknown;
  result?: unknown;
  error?: { message: string };
}

/** Routing data of a message from the browser; the body is parsed when asked for. */
export interface CdpEnvelope {
  id: number | undefined;
  method: string | undefined;
  sessionId: string | undefined;
  body(): CdpBody;
}

/** From this length on only head and tail of a message are read: screenshots and frames come in megabytes. */
const LARGE = 64 * 1024;

const HEAD_REPLY = /^\{"id":(\d+),/;
const HEAD_EVENT = /^\{"method":"([A-Za-z]+\.[A-Za-z]+)",/;
// A tail inside a nested object ends in more than one brace, so page data cannot pose as this.
const TAIL_SESSION = /,"sessionId":"([0-9A-F]{32})"\}$/;
const TAIL_LENGTH = 64;

/** Reads a message of Chromium; undefined when it is none. */
export function readEnvelope(text: string): CdpEnvelope | undefined {
  return (text.length >= LARGE ? readLarge(text) : undefined) ?? readWhole(text);
}

function readLarge(text: string): CdpEnvelope | undefined {
  const head = text.slice(0, 128);
  const reply = HEAD_REPLY.exec(head);
  const event = reply ? null : HEAD_EVENT.exec(head);
  const tail = TAIL_SESSION.exec(text.slice(-TAIL_LENGTH));
  // Without the known tail the session may stand elsewhere: only the whole message tells.
  if (!tail || (!reply && !event)) return undefined;
  return {
    id: reply ? Number(reply[1]) : undefined,
    method: event?.[1],
    sessionId: tail[1],
    body: () => JSON.parse(text) as CdpBody,
  };
}

function readWhole(text: string): CdpEnvelope | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, method, sessionId } = value as Record<string, unknown>;
  return {
    id: typeof id === 'number' ? id : undefined,
    method: typeof method === 'string' ? method : undefined,
    sessionId: typeof sessionId === 'string' ? sessionId : undefined,
    body: () => value,
  };
}

/** The message with another id, and without its session when `dropSession`; large ones are spliced as text. */
export function renumber(
  text: string,
  envelope: CdpEnvelope,
  change: { id?: number; dropSession: boolean },
): string {
  const spliced = splice(text, envelope, change);
  if (spliced !== undefined) return spliced;
  const { sessionId, ...rest } = envelope.body() as Record<string, unknown>;
  return JSON.stringify({
    ...rest,
    ...(change.id === undefined ? {} : { id: change.id }),
    ...(change.dropSession || sessionId === undefined ? {} : { sessionId }),
  });
}

function splice(
  text: string,
  envelope: CdpEnvelope,
  change: { id?: number; dropSession: boolean },
): string | undefined {
  let start = 0;
  let prefix = '';
  let end = text.length;
  let suffix = '';
  if (change.id !== undefined) {
    const head = `{"id":${envelope.id},`;
    if (!text.startsWith(head)) return undefined;
    start = head.length;
    prefix = `{"id":${change.id},`;
  }
  if (change.dropSession && envelope.sessionId !== undefined) {
    const tail = `,"sessionId":"${envelope.sessionId}"}`;
    if (!text.endsWith(tail)) return undefined;
    end -= tail.length;
    suffix = '}';
  }
  return prefix + text.slice(start, end) + suffix;
}
