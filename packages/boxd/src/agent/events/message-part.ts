import type { AgentMessage } from '@banata/protocol/box';
import type { OpenCodeMessage, OpenCodePart } from '../opencode/schemas.ts';

type MessagePart = AgentMessage['parts'][number];
type ToolState = Extract<OpenCodePart, { type: 'tool' }>['state'];

/** As `agentMessagePartSchema` documents it. */
const MAX_OUTPUT_BYTES = 64 * 1024;
const MAX_INPUT_BYTES = 64 * 1024;
const MAX_TEXT_BYTES = 1024 * 1024;

function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  // A character cut in two would decode to a replacement mark.
  return `${bytes
    .subarray(0, maxBytes)
    .toString('utf8')
    .replace(/\uFFFD$/, '')}\n… (cut: ${bytes.length} bytes in all)`;
}

function boundedInput(input: unknown): unknown {
  const text = JSON.stringify(input) ?? 'null';
  if (text.length <= MAX_INPUT_BYTES) return input ?? null;
  return { cut: true, bytes: Buffer.byteLength(text), start: text.slice(0, 4096) };
}

function outputOf(state: ToolState): string | null {
  switch (state.status) {
    case 'completed':
      return cut(state.output, MAX_OUTPUT_BYTES);
    case 'error':
      return cut(state.error, MAX_OUTPUT_BYTES);
    case 'running': {
      const output = state.metadata?.output;
      return typeof output === 'string' ? cut(output, MAX_OUTPUT_BYTES) : null;
    }
    default:
      return null;
  }
}

/** A part as the protocol shows it, with bounded sizes. */
export function messagePart(part: OpenCodePart): MessagePart {
  if (part.type !== 'tool') return { type: part.type, id: part.id, text: cut(part.text, MAX_TEXT_BYTES) };
  const { id, tool, state } = part;
  return {
    type: 'tool',
    id,
    tool,
    status: state.status,
    input: boundedInput(state.input),
    output: outputOf(state),
  };
}

/** A message as the protocol shows it. Empty texts, which interrupted answers leave behind, are left out. */
export function agentMessage({ info, parts }: OpenCodeMessage): AgentMessage {
  const shown = parts.filter((part) => part.type === 'tool' || part.text !== '');
  return {
    id: info.id,
    sessionId: info.sessionID,
    role: info.role,
    createdAt: info.time.created,
    parts: shown.map(messagePart),
  };
}
