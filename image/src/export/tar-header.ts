/** One entry of a tar archive, without its content. */
export interface TarHeader {
  /** Path in the archive; folders end with a slash. */
  name: string;
  type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'char' | 'block';
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content that follow. */
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  /** Target of a symbolic or hard link. */
  linkName?: string;
  device?: { major: number; minor: number };
  /** Extended attributes, by name. */
  xattrs?: ReadonlyMap<string, Buffer>;
}

export const TAR_BLOCK = 512;

const TYPE_FLAG: Readonly<Record<TarHeader['type'], string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

const MAX_NAME = 100;
const MAX_OCTAL_SIZE = 0o77777777777;
const MAX_OCTAL_ID = 0o7777777;

/** Zero bytes that fill content of this size up to a whole block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);
}

/** The two empty blocks that end an archive. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * TAR_BLOCK);
}

/** Encodes an entry as POSIX.1-2001 (pax) does: an extended header goes before it where ustar has no room. */
export function encodeTarHeader(header: TarHeader): Buffer {
  const records = paxRecords(header);
  const block = encodeBlock(header, TYPE_FLAG[header.type]);
  if (records.length === 0) return block;
  const extension = Buffer.concat(records);
  const { mtime } = header;
  const about: TarHeader = {
    name: 'pax',
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: extension.length,
    mtime,
  };
  return Buffer.concat([encodeBlock(about, 'x'), extension, tarPadding(extension.length), block]);
}

function paxRecords(header: TarHeader): Buffer[] {
  const records: Buffer[] = [];
  const text = (key: string, value: string) => records.push(paxRecord(key, Buffer.from(value)));
  if (Buffer.byteLength(header.name) > MAX_NAME) text('path', header.name);
  if (Buffer.byteLength(header.linkName ?? '') > MAX_NAME) text('linkpath', header.linkName ?? '');
  if (header.size > MAX_OCTAL_SIZE) text('size', String(header.size));
  if (header.uid > MAX_OCTAL_ID) text('uid', String(header.uid));
  if (header.gid > MAX_OCTAL_ID) text('gid', String(header.gid));
  for (const [name, value] of header.xattrs ?? []) records.push(paxRecord(`SCHILY.xattr.${name}`, value));
  return records;
}

/** A record carries its own length in decimal, the digits of that length included. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function encodeBlock(header: TarHeader, typeFlag: string): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, offset: number, length: number, max: number) =>
    block.write(`${(value > max ? 0 : value).toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  block.subarray(0, MAX_NAME).set(Buffer.from(header.name).subarray(0, MAX_NAME));
  octal(header.mode & 0o7777, 100, 8, 0o7777);
  octal(header.uid, 108, 8, MAX_OCTAL_ID);
  octal(header.gid, 116, 8, MAX_OCTAL_ID);
  octal(header.size, 124, 12, MAX_OCTAL_SIZE);
  octal(Math.max(0, header.mtime), 136, 12, MAX_OCTAL_SIZE);
  block.write('        ', 148, 'latin1');
  block.write(typeFlag, 156, 'latin1');
  block.subarray(157, 157 + MAX_NAME).set(Buffer.from(header.linkName ?? '').subarray(0, MAX_NAME));
  block.write('ustar\x0000', 257, 'latin1');
  octal(header.device?.major ?? 0, 329, 8, MAX_OCTAL_ID);
  octal(header.device?.minor ?? 0, 337, 8, MAX_OCTAL_ID);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
