/**
 * Text of the first `maxBytes` bytes, without cutting a UTF-8 character in two. Bytes that are no UTF-8 become
 * U+FFFD.
 */
export function headAsText(bytes: Buffer, maxBytes: number): string {
  if (bytes.length <= maxBytes) return bytes.toString('utf8');
  return bytes.toString('utf8', 0, characterBoundary(bytes, maxBytes));
}

function characterBoundary(bytes: Buffer, limit: number): number {
  // A character has at most three continuation bytes; more in a row are no UTF-8 and may be cut anywhere.
  for (let end = limit; end >= 0 && end > limit - 4; end--) {
    if (!isContinuation(bytes[end])) return end;
  }
  return limit;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0b1100_0000) === 0b1000_0000;
}
