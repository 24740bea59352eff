import { spawnSync } from 'node:child_process';
import type { ReadStream } from 'node:tty';

/**
 * Gives keys through as they are pressed, and output as it comes. Node's raw mode still turns a line feed of the output
 * into carriage return and line feed (https://docs.libuv.org/en/v1.x/tty.html), which breaks what full-screen
 * programs draw, so that is switched off beside it.
 * @returns how to put the terminal back as it was.
 */
export function enterRawMode(stdin: ReadStream): () => void {
  const before = stty('-g');
  stdin.setRawMode(true);
  stty('-opost');
  return () => {
    stdin.setRawMode(false);
    if (before !== '') stty(before);
  };
}

/** Without the program the terminal stays as Node makes it. */
function stty(setting: string): string {
  const { stdout } = spawnSync('stty', [setting], { stdio: ['inherit', 'pipe', 'ignore'], timeout: 2_000 });
  return (stdout as Buffer | null)?.toString().trim() ?? '';
}
