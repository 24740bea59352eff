import { readFileSync } from 'node:fs';
import type { Account, BoxEnvironment } from './services.ts';

/** Reads the box's three accounts from a passwd(5) file. Throws when one is missing. */
export function readAccounts(file: string): BoxEnvironment['accounts'] {
  const accounts = parsePasswd(readFileSync(file, 'utf8'));
  const find = (name: string): Account => {
    const account = accounts.find((candidate) => candidate.name === name);
    if (!account)
      throw new Error(`${file} has no account ${name}; the sandbox image must have root, desktop and user`);
    return account;
  };
  return { root: find('root'), desktop: find('desktop'), user: find('user') };
}

/** Accounts in the text of a passwd(5) file; lines that are none are left out. */
export function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid, , home] = line.split(':');
    if (!name || !home || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home }];
  });
}
