import type { ReactNode } from 'react';
import { StatusDot, type Tone } from '../../ui/status-dot.tsx';
import { plainText } from '../sandbox/plain-text.ts';
import { toolName, toolSubject } from './tool-name.ts';
import type { Entry } from './transcript.ts';

const TONES: Record<string, Tone> = { pending: 'wait', running: 'wait', completed: 'good', error: 'bad' };

function Block({ label, text }: { label: string; text: string }): ReactNode {
  return (
    <div className="border-t border-line px-3 py-2">
      <p className="mb-1 text-xs text-soft">{label}</p>
      <pre className="max-h-64 overflow-y-auto font-mono text-xs wrap-anywhere whitespace-pre-wrap">
        {text}
      </pre>
    </div>
  );
}

/** A tool call in one line; opened, what went in and what came out. */
export function ToolCall({ entry }: { entry: Extract<Entry, { kind: 'tool' }> }): ReactNode {
  const { tool, status, input, output } = entry;
  return (
    <details className="rounded-md border border-line bg-ground text-sm">
      <summary className="flex items-center gap-2 rounded-md px-3 py-1.5 hover:bg-raised">
        <StatusDot tone={TONES[status] ?? 'off'} />
        <span className="shrink-0 font-medium">{toolName(tool)}</span>
        <span className="min-w-0 truncate font-mono text-xs text-soft">{toolSubject(input)}</span>
        <span className="sr-only">{status}</span>
      </summary>
      <Block label="Input" text={JSON.stringify(input, null, 2) ?? ''} />
      {output !== null && <Block label="Output" text={plainText(output)} />}
    </details>
  );
}
