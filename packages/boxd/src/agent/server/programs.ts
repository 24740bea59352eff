/** Where the agent's programs lie, as absolute paths: the commands' PATH begins with folders the user can write to. */
export interface AgentPrograms {
  opencode: string;
  node: string;
  /** Entry file of the Playwright MCP server. */
  playwrightMcp: string;
  /** Loaded into the Playwright MCP server before it starts. */
  browserToolsHook: string;
  /** Shell of the agent's commands. */
  bash: string;
}

/** The places the sandbox image puts them (see `image/`). */
export const IMAGE_PROGRAMS: AgentPrograms = {
  opencode: '/usr/local/bin/opencode',
  node: '/usr/local/bin/node',
  playwrightMcp: '/opt/mcp/node_modules/@playwright/mcp/cli.js',
  browserToolsHook: '/opt/banata/lib/browser-tools-hook.cjs',
  bash: '/bin/bash',
};
