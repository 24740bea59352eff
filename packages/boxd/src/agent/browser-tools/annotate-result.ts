/**
 * Adds a text to the result of a tool call. Any other message, and what is no whole message, passes as it is.
 * @param line a message of an MCP server on its standard output, with its line end.
 * @param note asked only for results; null adds nothing.
 */
export function annotateResult(line: string, note: () => string | null): string {
  // Tells most messages apart without reading them: results of tools have content.
  if (!line.endsWith('\n') || !line.includes('"content":[')) return line;
  let message: { result?: { content?: unknown } };
  try {
    message = JSON.parse(line) as typeof message;
  } catch {
    return line;
  }
  const content = message.result?.content;
  if (!Array.isArray(content)) return line;
  const text = note();
  if (text === null) return line;
  content.push({ type: 'text', text });
  return `${JSON.stringify(message)}\n`;
}
