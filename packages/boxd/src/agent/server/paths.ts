import { join } from 'node:path';
import { isGvisor } from '../../limits/watchdog.ts';
import type { BoxEnvironment } from '../../services.ts';

/** Files and folders of the agent, as absolute paths in the box. */
export interface AgentPaths {
  /** Written by the daemon, read by the agent; the agent cannot change it. */
  configHome: string;
  configDir: string;
  configFile: string;
  instructionsFile: string;
  modelsFile: string;
  shellEnvFile: string;
  /** What above is in; ends with the box. */
  runDir: string;
  /** On which the agent's own commands (`banata-complete-task` and so on) reach the daemon. */
  reportSocket: string;
  /** Owned by the account `user`: sessions, logs, temporary files. */
  dataHome: string;
  stateHome: string;
  cacheHome: string;
  tempDir: string;
  /** Page snapshots and screenshots that the browser tools write. */
  browserOutput: string;
  /** Where the browser puts downloads. */
  downloads: string;
  /** Readable by root only. */
  tasksDir: string;
  lastReportFile: string;
  holdsFile: string;
  runIdFile: string;
}

/** Where the agent's things are in a box with these places. */
export function agentPaths(environment: BoxEnvironment): AgentPaths {
  const runDir = join(environment.runDir, 'agent');
  const configHome = join(runDir, 'config');
  const configDir = join(configHome, 'opencode');
  const home = join(environment.accounts.user.home, '.local/share/banata-agent');
  return {
    configHome,
    configDir,
    // Not in configDir: OpenCode reads what lies there once in its life, and this file again after a disposal.
    configFile: join(runDir, 'opencode.json'),
    instructionsFile: join(configDir, 'BANATA.md'),
    modelsFile: join(runDir, 'models.json'),
    shellEnvFile: join(runDir, 'shell-env.sh'),
    runDir,
    reportSocket: join(environment.runDir, 'agent.sock'),
    dataHome: join(home, 'data'),
    stateHome: join(home, 'state'),
    cacheHome: join(home, 'cache'),
    // The agent loads a program file there and deletes it. gVisor cannot put a box's memory on disk while a deleted file
    // of the disk is in use.
    tempDir: isGvisor() ? '/dev/shm/banata-agent' : join(home, 'tmp'),
    browserOutput: join(home, 'browser'),
    downloads: join(environment.workspace, 'downloads'),
    tasksDir: join(environment.stateDir, 'tasks'),
    lastReportFile: join(environment.stateDir, 'agent-last-report.json'),
    holdsFile: join(environment.stateDir, 'agent-holds.json'),
    runIdFile: join(environment.stateDir, 'agent-run-id'),
  };
}
