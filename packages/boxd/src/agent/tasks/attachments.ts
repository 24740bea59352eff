import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';

/** Kinds that OpenCode gives to the model as they are; everything else is given as text. */
const MIME: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.pdf': 'application/pdf',
};

/** Where the files of a prompt lie. OpenCode reads them, with the rights of the sandbox's user. */
export async function findAttachments(
  files: string[],
  workspace: string,
): Promise<{ found: { path: string; mime: string }[]; missing: string | null }> {
  const found: { path: string; mime: string }[] = [];
  for (const file of files) {
    const path = resolve(workspace, file);
    const isFile = await stat(path).then(
      (entry) => entry.isFile(),
      () => false,
    );
    if (!isFile) return { found, missing: path };
    found.push({ path, mime: MIME[extname(path).toLowerCase()] ?? 'text/plain' });
  }
  return { found, missing: null };
}
