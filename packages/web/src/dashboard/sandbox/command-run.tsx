import type { ExecResult } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { ErrorNote } from '../../ui/error-note.tsx';
import { plainText } from './plain-text.ts';
import type { Run } from './run.ts';

function ending(result: ExecResult): string {
  const how = result.timedOut
    ? 'timed out'
    : result.exitCode === null
      ? `ended by ${result.signal ?? 'a signal'}`
      : `exit ${result.exitCode}`;
  return `${how} · ${(result.durationMs / 1000).toFixed(2)} s`;
}

function Output({ text, error = false }: { text: string; error?: boolean }): ReactNode {
  if (!text) return null;
  return (
    <pre
      className={`font-mono text-xs leading-relaxed wrap-anywhere whitespace-pre-wrap ${error ? 'text-bad' : ''}`}
    >
      {plainText(text)}
    </pre>
  );
}

/** A command with what came of it. */
export function CommandRun({ run: { command, outcome } }: { run: Run }): ReactNode {
  return (
    <article className="flex flex-col gap-1">
      <p className="font-mono text-xs wrap-anywhere text-accent">$ {command}</p>
      {outcome.state === 'running' && <p className="text-xs text-soft">running…</p>}
      {outcome.state === 'failed' && <ErrorNote error={outcome.error} />}
      {outcome.state === 'done' && (
        <>
          <Output text={outcome.result.stdout} />
          <Output text={outcome.result.stderr} error />
          <p className={`text-xs ${outcome.result.exitCode === 0 ? 'text-soft' : 'text-bad'}`}>
            {ending(outcome.result)}
            {outcome.result.truncated &&
              ` · cut; all of it is in ${outcome.result.stdoutFile ?? outcome.result.stderrFile ?? 'the sandbox'}`}
          </p>
        </>
      )}
    </article>
  );
}
