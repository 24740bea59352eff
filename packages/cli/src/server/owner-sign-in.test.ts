import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@banata/config';
import { expect, test } from 'vitest';
import { findOwner, ownerText } from './owner-sign-in.ts';

test('the owner is told as long as the password file is there, and never the password', async () => {
  const home = await mkdtemp(join(tmpdir(), 'banata-home-'));
  const config = loadConfig({ BANATA_HOME: home, BANATA_OWNER_EMAIL: 'Ada@example.com' });
  try {
    expect(await findOwner(config)).toBeNull();
    const passwordFile = join(home, 'owner-password');
    await writeFile(passwordFile, 'secret-words\n');
    const owner = await findOwner(config);
    expect(owner).toEqual({ email: 'ada@example.com', passwordFile });
    expect(owner && ownerText(owner)).toBe(`ada@example.com, first password in ${passwordFile}`);
  } finally {
    await rm(home, { recursive: true });
  }
});
