import { access } from 'node:fs/promises';
import { confirm, isCancel } from '@clack/prompts';
import type { CliContext } from '../context.ts';
import { findServer } from '../server/server-info.ts';
import { runServerCommand } from '../server/server-command.ts';
import { endProcess } from '../server/stop-server.ts';

export interface DownOptions {
  all?: boolean;
  yes?: boolean;
}

const STOP_LIMIT_MS = 20_000;

/** Stops the server; with `all` also ends its sandboxes and takes everything it made off the machine. */
export async function down(context: CliContext, options: DownOptions): Promise<void> {
  const { config, output } = context;
  if (options.all && !options.yes && !output.json && process.stdin.isTTY && !(await isSure(config.home))) {
    output.say('Nothing was changed.');
    return;
  }
  const server = await findServer(config);
  let killed = false;
  if (server) {
    killed = await output.step('Stopping the server', () => endProcess(server.pid, STOP_LIMIT_MS));
  }
  const exists = await access(config.home).then(
    () => true,
    () => false,
  );
  if (exists) {
    if (options.all) {
      await output.step('Ending the sandboxes, removing network and mounts', () =>
        runServerCommand(context, 'purge'),
      );
    }
    await output.step('Stopping the database', () => runServerCommand(context, 'stop-database'));
  }
  if (output.json)
    output.result({ stopped: server !== undefined, killed, purged: Boolean(options.all && exists) });
  else output.say(summary(server !== undefined, Boolean(options.all), config.home));
}

async function isSure(home: string): Promise<boolean> {
  const answer = await confirm({
    message: `End all sandboxes of ${home}? What was not saved as an artifact is lost.`,
    initialValue: false,
  });
  return !isCancel(answer) && answer;
}

function summary(wasRunning: boolean, all: boolean, home: string): string {
  const server = wasRunning ? 'The server is stopped' : 'No server was running';
  return all
    ? `${server}; the sandboxes are gone. Database and artifacts stay in ${home}.`
    : `${server}. Sandboxes go on running; the next ./banata up takes them over.`;
}
