import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { agentInstructions } from './instructions.ts';
import { openCodeConfig, type OpenCodeConfigInput } from './opencode-config.ts';
import { type ServerEnvInput, shellEnvScript } from './server-env.ts';

/** OpenCode writes this file where it is missing and fails every request where it cannot. */
const GITIGNORE = 'node_modules\npackage.json\npackage-lock.json\nbun.lock\n.gitignore\n';

export interface ConfigFilesInput {
  config: OpenCodeConfigInput;
  env: ServerEnvInput;
  /** Environment of the server that runs already, where one does. */
  running?: Record<string, string> | undefined;
  workspace: string;
  /** Whether documents are converted in the sandbox. */
  hasDocuments: boolean;
}

/** Writes the agent's configuration anew: owned by root, readable by the agent's account, hidden from others. */
export async function writeConfigFiles(input: ConfigFilesInput): Promise<void> {
  const { paths } = input.config;
  const { gid } = input.env.account;
  await rm(paths.runDir, { recursive: true, force: true });
  for (const folder of [paths.runDir, paths.configHome, paths.configDir]) {
    await mkdir(folder, { recursive: true });
    await chown(folder, process.getuid?.() ?? 0, gid);
    await chmod(folder, 0o750);
  }
  const instructions = agentInstructions({
    workspace: input.workspace,
    extra: input.config.setup.instructions,
    hasDocuments: input.hasDocuments,
    hasBrowser: input.config.browserEndpoint !== null,
    browserOutput: paths.browserOutput,
  });
  const files: Record<string, string> = {
    [paths.configFile]: JSON.stringify(openCodeConfig(input.config), null, 2),
    [`${paths.configDir}/.gitignore`]: GITIGNORE,
    [paths.instructionsFile]: instructions,
    [paths.modelsFile]: '{}',
    [paths.shellEnvFile]: shellEnvScript(input.env, input.running),
  };
  for (const [file, text] of Object.entries(files)) {
    await writeFile(file, text, { mode: 0o640 });
    await chown(file, process.getuid?.() ?? 0, gid);
  }
}
