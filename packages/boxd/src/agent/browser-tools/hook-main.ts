import { annotateResult } from './annotate-result.ts';
import { DownloadNotes } from './download-notes.ts';

/**
 * Loaded into the process of the browser tools before they start: their results then say where downloads are. The tools
 * themselves do not know, since the sandbox keeps the downloads of all that drive the browser.
 */
const folder = process.env['BANATA_DOWNLOADS'];
if (folder !== undefined) {
  const notes = new DownloadNotes(folder, process.getuid?.() ?? -1);
  const write = process.stdout.write.bind(process.stdout) as (...args: unknown[]) => boolean;
  process.stdout.write = (chunk: unknown, ...rest: unknown[]): boolean =>
    write(typeof chunk === 'string' ? annotateResult(chunk, () => notes.take()) : chunk, ...rest);
}
