/** A DNS question (RFC 1035, 4.1.2). Names are lowercase, without the dot of the root. */
export interface DnsQuestion {
  name: string;
  type: number;
}

export const DNS_TYPES = { a: 1, aaaa: 28, svcb: 64, https: 65 } as const;
export const DNS_CODES = { noError: 0, serverFailure: 2, refused: 5 } as const;
export const DNS_HEADER_BYTES = 12;

const CLASS_IN = 1;
const MAX_NAME_BYTES = 255;
/** More records than a message of 64 KiB has room for, pointers and all. */
const MAX_POINTERS = 32;

interface Name {
  text: string;
  /** Where the bytes after the name begin. */
  end: number;
}

/** @throws {RangeError} when the bytes are no name. */
function readName(message: Buffer, start: number): Name {
  const labels: string[] = [];
  let offset = start;
  let end: number | undefined;
  let size = 0;
  for (let pointers = 0; ;) {
    const length = message.readUInt8(offset);
    if (length >= 0xc0) {
      pointers += 1;
      if (pointers > MAX_POINTERS) throw new RangeError('a name points in circles');
      end ??= offset + 2;
      offset = message.readUInt16BE(offset) & 0x3fff;
      continue;
    }
    if (length > 63) throw new RangeError('a label of an unknown kind');
    offset += 1;
    if (length === 0) break;
    size += length + 1;
    if (size > MAX_NAME_BYTES || offset + length > message.length) throw new RangeError('a name is too long');
    labels.push(message.toString('latin1', offset, offset + length));
    offset += length;
  }
  return { text: labels.join('.').toLowerCase(), end: end ?? offset };
}

/** The one question of a query; undefined when it is not a plain query with one question of the internet's class. */
export function readQuestion(message: Buffer): (DnsQuestion & { end: number }) | undefined {
  if (message.length < DNS_HEADER_BYTES || message.readUInt16BE(4) !== 1) return undefined;
  const opcode = (message.readUInt8(2) >> 3) & 0xf;
  if (opcode !== 0) return undefined;
  try {
    const { text, end } = readName(message, DNS_HEADER_BYTES);
    const type = message.readUInt16BE(end);
    if (message.readUInt16BE(end + 2) !== CLASS_IN) return undefined;
    // A dot within a label would read as a longer name than it is.
    return labelsArePlain(message, DNS_HEADER_BYTES) ? { name: text, type, end: end + 4 } : undefined;
  } catch {
    return undefined;
  }
}

function labelsArePlain(message: Buffer, start: number): boolean {
  for (let offset = start; ;) {
    const length = message.readUInt8(offset);
    if (length === 0) return true;
    if (length > 63) return false;
    const label = message.toString('latin1', offset + 1, offset + 1 + length);
    if (!/^[\x21-\x2d\x2f-\x7e]+$/.test(label)) return false;
    offset += length + 1;
  }
}

/** IPv4 addresses in the answers of a reply, and the least time they are good for in seconds. */
export interface DnsAddresses {
  addresses: string[];
  ttlSeconds: number;
}

/** @returns undefined when the reply cannot be read. */
export function readAddresses(reply: Buffer): DnsAddresses | undefined {
  try {
    const addresses: string[] = [];
    let ttlSeconds = 2 ** 31;
    let offset = DNS_HEADER_BYTES;
    for (let left = reply.readUInt16BE(4); left > 0; left -= 1) offset = readName(reply, offset).end + 4;
    for (let left = reply.readUInt16BE(6); left > 0; left -= 1) {
      offset = readName(reply, offset).end;
      const type = reply.readUInt16BE(offset);
      const length = reply.readUInt16BE(offset + 8);
      const data = reply.subarray(offset + 10, offset + 10 + length);
      if (data.length !== length) return undefined;
      ttlSeconds = Math.min(ttlSeconds, reply.readUInt32BE(offset + 4));
      if (type === DNS_TYPES.a && length === 4) addresses.push(data.join('.'));
      offset += 10 + length;
    }
    return { addresses, ttlSeconds };
  } catch {
    return undefined;
  }
}

/** An answer to a query without any records. */
export function emptyReply(query: Buffer, code: number): Buffer {
  const question = readQuestion(query);
  const reply = Buffer.from(question ? query.subarray(0, question.end) : query.subarray(0, DNS_HEADER_BYTES));
  // A response, recursion available; id, opcode and "recursion desired" stay.
  reply.writeUInt8((query.readUInt8(2) & 0x79) | 0x80, 2);
  reply.writeUInt8(0x80 | code, 3);
  reply.writeUInt16BE(question ? 1 : 0, 4);
  reply.fill(0, 6, DNS_HEADER_BYTES);
  return reply;
}
