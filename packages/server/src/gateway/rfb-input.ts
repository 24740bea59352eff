/** RFB client messages (RFC 6143, 7.5) by which a person acts: KeyEvent, PointerEvent, ClientCutText. */
const INPUT_TYPES = new Set([4, 5, 6]);
const SMALL_FRAME = 126;

/**
 * Whether a piece of a client's WebSocket stream begins with a frame whose first RFB message is input of a person. A
 * rough look at the wire, good enough to tell someone who works from someone who only watches: noVNC sends each key
 * and pointer event in a small masked frame (RFC 6455, 5.2) of its own.
 */
export function beginsWithInput(chunk: Buffer): boolean {
  const length = (chunk[1] ?? 0) & 0x7f;
  const mask = chunk[2];
  const first = chunk[6];
  if (length >= SMALL_FRAME || mask === undefined || first === undefined) return false;
  return INPUT_TYPES.has(first ^ mask);
}
