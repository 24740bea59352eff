import type { AgentState, AgentTask, Sandbox } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { StatusDot, type Tone } from '../../ui/status-dot.tsx';

const LOOKS: Record<AgentState['state'], { tone: Tone; label: string }> = {
  starting: { tone: 'wait', label: 'The agent starts…' },
  idle: { tone: 'good', label: 'Idle' },
  complete: { tone: 'good', label: 'Idle, task done' },
  working: { tone: 'wait', label: 'Working…' },
  waiting_for_human: { tone: 'wait', label: 'Waiting for a person' },
  failed: { tone: 'bad', label: 'The agent failed' },
};

interface Props {
  sandbox: Sandbox;
  state: AgentState | undefined;
  /** The task that runs or waits. */
  open: AgentTask | null;
  /** Why events do not come at the moment. */
  problem: string | null;
}

function stateOf({ status }: AgentTask): AgentState['state'] {
  return status === 'waiting_for_human' ? status : 'working';
}

/** What the agent does now, with stopping it. */
export function AgentStateLine({ sandbox, state, open, problem }: Props): ReactNode {
  const cancellation = useMutation({ mutationFn: (taskId: string) => sandbox.agent.cancelTask(taskId) });
  const look = state ? LOOKS[open ? stateOf(open) : state.state] : null;

  return (
    <div className="flex shrink-0 flex-col gap-2 border-b border-line px-3 py-2 text-sm">
      <div className="flex min-h-9 items-center gap-2">
        <StatusDot tone={look?.tone ?? 'off'} />
        <span role="status">{look?.label ?? 'Not running'}</span>
        {state?.reason && <span className="min-w-0 truncate text-soft">{state.reason}</span>}
        {open && state && (
          <Button
            className="ml-auto"
            disabled={cancellation.isPending}
            onClick={() => cancellation.mutate(open.taskId)}
          >
            Cancel task
          </Button>
        )}
      </div>
      {problem && <p className="text-wait">Events do not arrive: {problem}</p>}
      <ErrorNote error={cancellation.error} />
    </div>
  );
}
