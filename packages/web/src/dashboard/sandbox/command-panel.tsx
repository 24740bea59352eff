import type { Sandbox } from '@banata-boxes/sdk';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../ui/button.tsx';
import { INPUT_CLASS } from '../../ui/input-class.ts';
import { StickyScroll } from '../../ui/sticky-scroll.tsx';
import { CommandRun } from './command-run.tsx';
import type { Run } from './run.ts';

const MAX_RUNS = 50;
/** Longest run of a command from here, in ms. */
const COMMAND_TIMEOUT_MS = 10 * 60 * 1000;

/** Runs shell lines in the sandbox, as its user in /workspace. */
export function CommandPanel({ sandbox, works }: { sandbox: Sandbox; works: boolean }): ReactNode {
  const [command, setCommand] = useState('');
  const [runs, setRuns] = useState<readonly Run[]>([]);
  const lastId = useRef(0);

  const queries = useQueryClient();

  const start = async (line: string): Promise<void> => {
    lastId.current += 1;
    const id = lastId.current;
    const finish = (outcome: Run['outcome']): void =>
      setRuns((before) => before.map((run) => (run.id === id ? { ...run, outcome } : run)));
    setRuns((before) =>
      [...before, { id, command: line, outcome: { state: 'running' as const } }].slice(-MAX_RUNS),
    );
    try {
      finish({ state: 'done', result: await sandbox.exec(line, undefined, { timeout: COMMAND_TIMEOUT_MS }) });
    } catch (error) {
      finish({ state: 'failed', error });
    }
    await queries.invalidateQueries({ queryKey: ['files', sandbox.id] });
  };
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (!command.trim()) return;
    setCommand('');
    void start(command);
  };

  return (
    <>
      <StickyScroll watch={runs} className="flex flex-1 flex-col gap-4 p-3">
        {runs.length === 0 && (
          <p className="m-auto max-w-64 text-center text-sm text-soft">
            Commands run as the sandbox’s user in /workspace, each in a shell of its own.
          </p>
        )}
        {runs.map((run) => (
          <CommandRun key={run.id} run={run} />
        ))}
      </StickyScroll>
      <form onSubmit={submit} className="flex shrink-0 gap-2 border-t border-line p-2">
        <input
          aria-label="Command"
          placeholder={works ? 'ls -la' : 'The sandbox takes no commands now'}
          autoCapitalize="off"
          autoComplete="off"
          spellCheck={false}
          disabled={!works}
          value={command}
          onChange={(event) => setCommand(event.target.value)}
          className={`${INPUT_CLASS} font-mono disabled:opacity-50`}
        />
        <Button type="submit" look="main" disabled={!works || !command.trim()}>
          Run
        </Button>
      </form>
    </>
  );
}
