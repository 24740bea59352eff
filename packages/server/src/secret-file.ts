import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

const SECRET_BYTES = 32;

/**
 * The installation's secret: the one given by BANATA_SECRET_KEY (hex), or else that of the file, which is made at the
 * first start. The file is readable by root only; losing the secret loses sealed environments.
 */
export async function loadSecret(path: string, given: string | undefined): Promise<Buffer> {
  if (given !== undefined) return Buffer.from(given, 'hex');
  await mkdir(dirname(path), { recursive: true });
  try {
    await using file = await open(path, 'wx', 0o600);
    await file.writeFile(randomBytes(SECRET_BYTES).toString('hex'));
    await file.sync();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const secret = Buffer.from((await readFile(path, 'utf8')).trim(), 'hex');
  if (secret.length !== SECRET_BYTES) {
    throw new Error(
      `${path} does not hold ${SECRET_BYTES} bytes as hex. Restore it from a backup, or remove it to make a new one.`,
    );
  }
  return secret;
}
