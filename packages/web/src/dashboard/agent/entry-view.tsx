import type { ReactNode } from 'react';
import { TaskEnd } from './task-end.tsx';
import { ToolCall } from './tool-call.tsx';
import type { Entry } from './transcript.ts';

/** One entry of the transcript. */
export function EntryView({ entry }: { entry: Entry }): ReactNode {
  switch (entry.kind) {
    case 'prompt':
      return (
        <p className="ml-8 self-end rounded-lg rounded-br-sm bg-accent/15 px-3 py-2 text-sm wrap-anywhere whitespace-pre-wrap">
          {entry.task.prompt}
          {entry.task.status === 'queued' && <span className="block text-xs text-soft">waits its turn</span>}
        </p>
      );
    case 'text':
      return (
        <p
          className={`text-sm leading-relaxed wrap-anywhere whitespace-pre-wrap ${entry.thought ? 'border-l-2 border-line pl-3 text-soft' : ''}`}
        >
          {entry.thought && <span className="sr-only">Thought: </span>}
          {entry.text}
        </p>
      );
    case 'tool':
      return <ToolCall entry={entry} />;
    case 'end':
      return <TaskEnd task={entry.task} />;
    case 'report':
      return (
        <div className="rounded-md border border-accent/40 bg-accent/5 px-3 py-2 text-sm wrap-anywhere whitespace-pre-wrap">
          <p className="font-medium">Report: {entry.result}</p>
          {entry.report && <p className="mt-1 text-soft">{entry.report}</p>}
        </div>
      );
  }
}
