import { extname, resolve } from 'node:path';
import { runProgram } from '../../browser/run-program.ts';
import type { Account } from '../../services.ts';

/** Kinds that OpenCode gives to the model as they are; everything else is given as text. */
const MIME: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.pdf': 'application/pdf',
};

/** Prints the first of its arguments that is no file, or none that it may read. */
const FIRST_UNREADABLE = 'for f do [ -f "$f" ] && [ -r "$f" ] || { printf %s "$f"; exit; }; done';
const CHECK_TIMEOUT_MS = 10_000;

/**
 * Where the files of a prompt lie. OpenCode reads them, with the rights of the sandbox's user, and would give the model a
 * prompt without those it cannot read.
 * @returns `missing` is the first one that is no file, or that the user may not read.
 */
export async function findAttachments(
  files: string[],
  { workspace, account, path }: { workspace: string; account: Account; path: string },
): Promise<{ found: { path: string; mime: string }[]; missing: string | null }> {
  if (files.length === 0) return { found: [], missing: null };
  const paths = files.map((file) => resolve(workspace, file));
  const missing = await runProgram(['sh', '-c', FIRST_UNREADABLE, 'sh', ...paths], {
    account,
    env: { PATH: path },
    timeoutMs: CHECK_TIMEOUT_MS,
  });
  const found = paths.map((file) => ({
    path: file,
    mime: MIME[extname(file).toLowerCase()] ?? 'text/plain',
  }));
  return { found, missing: missing === '' ? null : missing };
}
