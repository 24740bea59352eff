import { stat } from 'node:fs/promises';
import type { Config } from '@banata/config';

/** Where the first owner’s password is, and for which address. */
export interface OwnerSignIn {
  email: string;
  /** File that only root reads. */
  passwordFile: string;
}

/**
 * The owner that the first start made; null where there is no password file (not started yet, or taken away).
 * The address is the one of the settings: it differs from the account’s when they were changed after the first start.
 */
export async function findOwner(config: Config): Promise<OwnerSignIn | null> {
  const passwordFile = config.paths.ownerPassword;
  const exists = await stat(passwordFile).then(
    (file) => file.isFile(),
    () => false,
  );
  return exists ? { email: config.access.ownerEmail, passwordFile } : null;
}

/** For people. */
export function ownerText({ email, passwordFile }: OwnerSignIn): string {
  return `${email}, first password in ${passwordFile}`;
}
