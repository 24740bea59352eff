import { ConfigError, type Config } from '@banata/config';
import type { Database } from './database/connect.ts';
import type { Secrets } from './services/secrets.ts';

const NAME = 'secret-check';
const TEXT = 'sealed with the secret of this installation';

/**
 * Compares the secret with the one this database was first used with.
 * @throws {ConfigError} when it is another: environments of sandboxes could not be opened, and links would be void.
 */
export async function checkSecret(
  db: Database,
  secrets: Secrets,
  config: Pick<Config, 'secretKey' | 'paths'>,
): Promise<void> {
  await db
    .insertInto('installation')
    .values({ name: NAME, value: secrets.seal(TEXT, NAME) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { value } = await db
    .selectFrom('installation')
    .select('value')
    .where('name', '=', NAME)
    .executeTakeFirstOrThrow();
  if (opens(secrets, value)) return;
  const source = config.secretKey === undefined ? config.paths.secret : 'BANATA_SECRET_KEY';
  throw new ConfigError(
    `${source} holds another secret than the one this database was sealed with, so nothing sealed could be read. ` +
      `Give the right one: in ${config.paths.secret} or as BANATA_SECRET_KEY, which goes before the file.`,
  );
}

function opens(secrets: Secrets, sealed: Buffer): boolean {
  try {
    return secrets.open(sealed, NAME) === TEXT;
  } catch {
    return false;
  }
}
