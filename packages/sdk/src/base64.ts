/** More arguments than a few ten thousand overflow the stack of a call. */
const CHUNK_BYTES = 8192;

/** Bytes as base64, with what every runtime has: `Buffer` is Node's alone. */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  return btoa(binary);
}
