/** Terminal control sequences: CSI, OSC (ended by BEL or ST), and two-character escapes. */
// eslint-disable-next-line no-control-regex -- these are what it looks for
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** Characters shown of one output; the end is what tells how it went. */
const MAX_LENGTH = 100_000;

/** Output of a command as plain text: without colours and cursor movements, and no longer than a page can show. */
export function plainText(output: string): string {
  const text = output.replaceAll(SEQUENCES, '').replaceAll('\r\n', '\n');
  return text.length > MAX_LENGTH ? `…\n${text.slice(-MAX_LENGTH)}` : text;
}
