/** Longest hello that is looked at; post-quantum key shares make them about 2 KiB. */
export const MAX_HELLO_BYTES = 32 * 1024;

const HANDSHAKE_RECORD = 0x16;
const CLIENT_HELLO = 1;
const SERVER_NAME_EXTENSION = 0;
const HOST_NAME = 0;

/** What the start of a TLS connection tells. `null`: no server name. */
export type ClientHello =
  | { state: 'incomplete' }
  | { state: 'invalid' }
  | { state: 'whole'; serverName: string | null };

const INVALID: ClientHello = { state: 'invalid' };
const INCOMPLETE: ClientHello = { state: 'incomplete' };

/** Reads big-endian fields and stays within its bytes. */
class Reader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  number(size: 1 | 2 | 3): number {
    const value = this.#bytes.readUIntBE(this.#offset, size);
    this.#offset += size;
    return value;
  }

  take(size: number): Buffer {
    if (size > this.left) throw new RangeError('a field is longer than what holds it');
    this.#offset += size;
    return this.#bytes.subarray(this.#offset - size, this.#offset);
  }

  /** A field with its length in front. */
  vector(lengthSize: 1 | 2): Buffer {
    return this.take(this.number(lengthSize));
  }
}

/**
 * The handshake bytes of the first records, joined: a hello may be spread over several. Records of another kind, such
 * as early data, may follow a hello.
 * @returns undefined when the connection does not begin with a handshake.
 */
function handshakeBytes(data: Buffer): { bytes: Buffer; ended: boolean } | undefined {
  const parts: Buffer[] = [];
  let offset = 0;
  for (; offset + 5 <= data.length;) {
    if (data[offset] !== HANDSHAKE_RECORD || data[offset + 1] !== 3) break;
    const length = data.readUInt16BE(offset + 3);
    if (length === 0) return undefined;
    parts.push(data.subarray(offset + 5, offset + 5 + length));
    offset += 5 + length;
  }
  const ended = offset + 5 <= data.length;
  return ended && parts.length === 0 ? undefined : { bytes: Buffer.concat(parts), ended };
}

/** Reads a hello (RFC 8446, 4.1.2) out of the first bytes of a connection. */
export function readClientHello(data: Buffer): ClientHello {
  const handshake = handshakeBytes(data);
  if (!handshake) return INVALID;
  const { bytes, ended } = handshake;
  const missing = ended ? INVALID : INCOMPLETE;
  if (bytes.length >= 1 && bytes[0] !== CLIENT_HELLO) return INVALID;
  if (bytes.length < 4) return missing;
  const length = bytes.readUIntBE(1, 3);
  if (length > MAX_HELLO_BYTES) return INVALID;
  if (bytes.length < 4 + length) return missing;
  try {
    return { state: 'whole', serverName: serverNameOf(bytes.subarray(4, 4 + length)) };
  } catch {
    return INVALID;
  }
}

function serverNameOf(hello: Buffer): string | null {
  const reader = new Reader(hello);
  reader.take(2 + 32);
  reader.vector(1);
  reader.vector(2);
  reader.vector(1);
  if (reader.left === 0) return null;
  const extensions = new Reader(reader.vector(2));
  let found: string | null = null;
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (type !== SERVER_NAME_EXTENSION) continue;
    // A second name could be the one that the server goes by.
    if (found !== null) throw new RangeError('two server names');
    found = hostNameOf(body);
  }
  return found;
}

function hostNameOf(body: Buffer): string {
  const list = new Reader(new Reader(body).vector(2));
  if (list.number(1) !== HOST_NAME) throw new RangeError('a name of another kind');
  const name = list.vector(2).toString('latin1');
  if (list.left > 0 || !/^[A-Za-z0-9._-]{1,253}$/.test(name)) throw new RangeError('not a host name');
  return name;
}
