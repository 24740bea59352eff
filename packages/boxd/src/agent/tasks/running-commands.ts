import type { OpenCodePart } from '../opencode/schemas.ts';

/** A command that an agent runs. */
export interface RunningCommand {
  /** Of the tool call. */
  id: string;
  taskId: string;
  command: string;
}

/** The commands that run for tasks now, as their tool calls tell it. */
export class RunningCommands {
  readonly #running = new Map<string, RunningCommand>();

  /** Takes a tool call in its newest state. */
  see(taskId: string, { id, tool, state }: Extract<OpenCodePart, { type: 'tool' }>): void {
    if (tool !== 'bash') return;
    const command = commandOf(state.input);
    if (state.status === 'running' && command !== null) this.#running.set(id, { id, taskId, command });
    if (state.status === 'completed' || state.status === 'error') this.#running.delete(id);
  }

  /** Forgets the commands of a task that has ended. */
  drop(taskId: string): void {
    for (const [id, running] of this.#running) if (running.taskId === taskId) this.#running.delete(id);
  }

  list(): RunningCommand[] {
    return [...this.#running.values()];
  }
}

function commandOf(input: unknown): string | null {
  if (typeof input !== 'object' || input === null || !('command' in input)) return null;
  return typeof input.command === 'string' ? input.command : null;
}
