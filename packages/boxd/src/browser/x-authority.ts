const FAMILY_WILD = 0xffff;
/** The only way to prove oneself to an X server that is used here. */
export const X_COOKIE_PROTOCOL = 'MIT-MAGIC-COOKIE-1';

/**
 * An Xauthority file with one cookie for every display. The layout is libXau's (`AuFileName`(3), `XauReadAuth`):
 * family, then address, display number, name and data, each with a 16-bit big-endian length before it.
 */
export function xAuthority(cookie: Buffer): Buffer {
  const family = Buffer.alloc(2);
  family.writeUInt16BE(FAMILY_WILD);
  return Buffer.concat([family, counted(''), counted(''), counted(X_COOKIE_PROTOCOL), counted(cookie)]);
}

function counted(value: string | Buffer): Buffer {
  const data = Buffer.from(value as string);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(data.length);
  return Buffer.concat([length, data]);
}
