import type { AssistantInfo, OpenCodeError, OpenCodeMessage } from '../opencode/schemas.ts';
import { BROWSER_MCP } from '../server/opencode-config.ts';
import { type TaskError, taskErrorFrom } from './task-error.ts';

/** What a session that came to rest says about a turn. `open`: nothing that ends it, so far. */
export type Verdict =
  | { status: 'completed'; resultText: string; heldBack: boolean }
  | { status: 'failed' | 'cancelled'; resultText: string | null; error: TaskError }
  | { status: 'open' };

/** Longest result text that is kept, in characters. */
const MAX_RESULT_TEXT = 1024 * 1024;

/** The messages that came after `lastBefore`; all of them when it is null or no longer among them. */
export function messagesOfTurn(messages: OpenCodeMessage[], lastBefore: string | null): OpenCodeMessage[] {
  const index = messages.findIndex(({ info }) => info.id === lastBefore);
  return messages.slice(index + 1);
}

/** Text of the last answer in the turn; null when there is none. */
export function resultTextOf(turn: OpenCodeMessage[]): string | null {
  const answer = answersOf(turn).at(-1);
  if (answer === undefined) return null;
  const texts = answer.parts.flatMap((part) => (part.type === 'text' && part.text !== '' ? [part.text] : []));
  return texts.length === 0 ? null : texts.join('\n').slice(0, MAX_RESULT_TEXT);
}

interface Answer {
  info: AssistantInfo;
  parts: OpenCodeMessage['parts'];
}

/** Without the summaries that a compaction of the history writes. */
function answersOf(turn: OpenCodeMessage[]): Answer[] {
  return turn.flatMap(({ info, parts }) =>
    info.role === 'assistant' && info.summary !== true ? [{ info, parts }] : [],
  );
}

/** Whether the last use of the browser in a turn was refused since it is a person's. */
function endsHeldBack(turn: OpenCodeMessage[]): boolean {
  const uses = turn.flatMap(({ parts }) =>
    parts.filter((part) => part.type === 'tool' && part.tool.startsWith(`${BROWSER_MCP}_`)),
  );
  const last = uses.at(-1);
  if (last?.type !== 'tool') return false;
  const { state } = last;
  const answer = state.status === 'completed' ? state.output : state.status === 'error' ? state.error : '';
  return answer.includes('CONTROL_HELD_BY_HUMAN');
}

function judgeFinish(finish: string, resultText: string | null, turn: OpenCodeMessage[]): Verdict {
  switch (finish) {
    case 'length': {
      const message = 'the answer reached the output limit of the model; ask for it in smaller pieces';
      return { status: 'failed', resultText, error: { code: 'MODEL_OUTPUT_LIMIT', message } };
    }
    case 'content-filter': {
      const message = "the provider's content filter ended the answer";
      return { status: 'failed', resultText, error: { code: 'MODEL_CONTENT_FILTER', message } };
    }
    case 'error': {
      const message = 'the model ended its answer with an error';
      return { status: 'failed', resultText, error: { code: 'MODEL_ERROR', message } };
    }
    case 'tool-calls':
      return { status: 'open' };
    default:
      return { status: 'completed', resultText: resultText ?? '', heldBack: endsHeldBack(turn) };
  }
}

/**
 * Judges a turn whose session is not busy, by the messages it left and the last `session.error` seen during it.
 */
export function judgeTurn(turn: OpenCodeMessage[], sessionError: OpenCodeError | null): Verdict {
  const last = answersOf(turn).at(-1)?.info;
  const resultText = resultTextOf(turn);
  const ended = last?.error === undefined && last?.time.completed !== undefined && last.finish !== undefined;
  const verdict: Verdict = ended ? judgeFinish(last.finish ?? '', resultText, turn) : { status: 'open' };
  if (verdict.status !== 'open') return verdict;
  const reported = last?.error ?? sessionError;
  if (reported === null) return verdict;
  const error = taskErrorFrom(reported);
  return { status: error.code === 'TASK_ABORTED' ? 'cancelled' : 'failed', resultText, error };
}
