import type { BoxLogger, BrowserService } from '../../services.ts';
import type { AgentConnection } from './connection.ts';
import { BROWSER_MCP } from './opencode-config.ts';

const STATUS_TIMEOUT_MS = 35_000;
const CONNECT_TIMEOUT_MS = 35_000;

export interface PrepareToolsOptions {
  browser: BrowserService;
  logger: BoxLogger;
  browserStartMs: number;
}

/**
 * Waits for the live browser and for the agent's connection to its tools, which OpenCode does not make again by
 * itself once it broke. Never rejects: without them the agent still works on what needs no browser.
 */
export async function prepareTools(
  options: PrepareToolsOptions,
  connection: AgentConnection,
  signal: AbortSignal,
): Promise<void> {
  if (!connection.hasBrowserTools()) return;
  const { browser, logger, browserStartMs } = options;
  try {
    await browser.whenReady(AbortSignal.any([signal, AbortSignal.timeout(browserStartMs)]));
  } catch (error) {
    if (!signal.aborted) logger.warn('agent.browser.missing', { reason: String(error) });
  }
  try {
    if (signal.aborted || (await isConnected(connection))) return;
    await connection.client.mcpConnect(BROWSER_MCP, CONNECT_TIMEOUT_MS);
    const connected = await isConnected(connection);
    if (!connected) logger.warn('agent.tools.missing', { reason: 'the browser tools do not start' });
  } catch (error) {
    logger.warn('agent.tools.missing', { reason: String(error) });
  }
}

async function isConnected(connection: AgentConnection): Promise<boolean> {
  const statuses = await connection.client.mcpStatuses(STATUS_TIMEOUT_MS);
  return statuses[BROWSER_MCP]?.status === 'connected';
}
