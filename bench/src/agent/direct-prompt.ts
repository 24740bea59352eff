/**
 * Program that runs in a sandbox as its user: prompts the OpenCode server there without the platform between, and
 * prints when it began (ms since 1970). Arguments: the prompt.
 */
export const directPromptProgram = `
import { readdirSync, readFileSync } from 'node:fs';
const [, , text] = process.argv;
const read = (path) => { try { return readFileSync(path, 'utf8').split('\\0'); } catch { return []; } };
const pid = readdirSync('/proc').find((name) => {
  const words = read('/proc/' + name + '/cmdline');
  return words[1] === 'serve' && words[0].endsWith('opencode');
});
const words = read('/proc/' + pid + '/cmdline');
const password = read('/proc/' + pid + '/environ')
  .find((entry) => entry.startsWith('OPENCODE_SERVER_PASSWORD='))?.split('=').slice(1).join('=');
if (!password) throw new Error('the agent server was not found');
const base = 'http://127.0.0.1:' + words[words.indexOf('--port') + 1];
const headers = {
  'content-type': 'application/json',
  authorization: 'Basic ' + Buffer.from('opencode:' + password).toString('base64'),
};
const call = async (method, path, body) => {
  const reply = await fetch(base + path + '?directory=/workspace', { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!reply.ok) throw new Error(method + ' ' + path + ': ' + reply.status);
  return reply.status === 204 ? null : reply.json();
};
// The connection of a client that has been there for a while.
await call('GET', '/session/status');
const beganAt = performance.timeOrigin + performance.now();
const { id } = await call('POST', '/session', { title: 'Direct' });
await call('POST', '/session/' + id + '/prompt_async', { parts: [{ type: 'text', text }] });
for (;;) {
  const statuses = await call('GET', '/session/status');
  if (!statuses[id] || statuses[id].type === 'idle') break;
  await new Promise((resolve) => setTimeout(resolve, 20));
}
console.log(JSON.stringify({ beganAt }));
`;
