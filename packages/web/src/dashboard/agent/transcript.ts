import type { AgentTask, BanataEvent, EventData } from '@banata-boxes/sdk';

type Part = EventData<'sandbox.agent.part'>['part'];

/** One thing that was said or done, in the order in which it began. */
export type Entry =
  | { kind: 'prompt'; key: string; task: AgentTask }
  | { kind: 'text'; key: string; text: string; thought: boolean; done: boolean }
  | { kind: 'tool'; key: string; tool: string; status: string; input: unknown; output: string | null }
  | { kind: 'end'; key: string; task: AgentTask }
  | { kind: 'report'; key: string; result: string; report: string };

export interface Transcript {
  entries: readonly Entry[];
  /** Newest state of each task, by id, in the order in which they were given. */
  tasks: Readonly<Record<string, AgentTask>>;
}

/** Entries kept; older ones are dropped. */
const MAX_ENTRIES = 2_000;

export const emptyTranscript: Transcript = { entries: [], tasks: {} };

function upsert(transcript: Transcript, entry: Entry): Transcript {
  // What changes is nearly always among the last entries.
  const index = transcript.entries.findLastIndex(({ key }) => key === entry.key);
  const entries =
    index >= 0 ? transcript.entries.with(index, entry) : [...transcript.entries, entry].slice(-MAX_ENTRIES);
  return { ...transcript, entries };
}

function addDelta(transcript: Transcript, data: EventData<'sandbox.agent.text.delta'>): Transcript {
  const before = transcript.entries.findLast(({ key }) => key === data.partId);
  // When the whole text came already, a delta is a repeat.
  if (before && (before.kind !== 'text' || before.done)) return transcript;
  const text = (before?.text ?? '') + data.text;
  return upsert(transcript, { kind: 'text', key: data.partId, text, thought: false, done: false });
}

function addPart(transcript: Transcript, part: Part): Transcript {
  if (part.type === 'tool') {
    const { id, tool, status, input, output } = part;
    return upsert(transcript, { kind: 'tool', key: id, tool, status, input, output });
  }
  if (!part.text.trim()) return transcript;
  const thought = part.type === 'reasoning';
  return upsert(transcript, { kind: 'text', key: part.id, text: part.text, thought, done: true });
}

function addTask(transcript: Transcript, task: AgentTask): Transcript {
  const next = { ...transcript, tasks: { ...transcript.tasks, [task.taskId]: task } };
  const prompted = upsert(next, { kind: 'prompt', key: `prompt-${task.taskId}`, task });
  return task.finishedAt === null
    ? prompted
    : upsert(prompted, { kind: 'end', key: `end-${task.taskId}`, task });
}

/** The transcript after one more event. Events of other kinds change nothing. */
export function addEvent(transcript: Transcript, event: BanataEvent): Transcript {
  switch (event.type) {
    case 'sandbox.agent.task.queued':
    case 'sandbox.agent.task.running':
    case 'sandbox.agent.task.waiting_for_human':
    case 'sandbox.agent.task.completed':
    case 'sandbox.agent.task.failed':
    case 'sandbox.agent.task.cancelled':
      return addTask(transcript, event.data);
    case 'sandbox.agent.text.delta':
      return addDelta(transcript, event.data);
    case 'sandbox.agent.part':
      return addPart(transcript, event.data.part);
    case 'sandbox.agent.task.report': {
      const { result, report } = event.data.report;
      return upsert(transcript, { kind: 'report', key: `report-${event.id}`, result, report });
    }
    default:
      return transcript;
  }
}

/** The task that runs or waits, and the agent session to go on with. */
export function currentWork(transcript: Transcript): { open: AgentTask | null; sessionId: string | null } {
  const tasks = Object.values(transcript.tasks);
  const unfinished = tasks.filter(({ finishedAt }) => finishedAt === null);
  return {
    open: unfinished.find(({ status }) => status === 'running') ?? unfinished[0] ?? null,
    sessionId: tasks.findLast(({ sessionId }) => sessionId !== null)?.sessionId ?? null,
  };
}
