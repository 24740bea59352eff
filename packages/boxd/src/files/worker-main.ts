// The process that serves /files/* with the rights of the account `user`. Its arguments are the workspace and the
// folder for its socket; it ends with its standard input, which the daemon holds.
import { join } from 'node:path';
import { createFileServer } from './worker/file-server.ts';
import { PendingFiles } from './worker/pending-files.ts';

async function main([workspace, directory]: string[]): Promise<void> {
  if (!workspace || !directory) throw new Error('usage: files-worker WORKSPACE DIRECTORY');
  process.umask(0o022);
  process.stdin.on('end', () => process.exit(0)).resume();
  const pending = new PendingFiles(join(directory, 'pending'));
  await pending.open();
  createFileServer({ workspace, pending }).listen(join(directory, 'files.sock'), () => {
    process.stdout.write('ready\n');
  });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(
    `${JSON.stringify({ level: 'error', event: 'files.worker_failed', error: String(error) })}\n`,
  );
  process.exit(1);
});
