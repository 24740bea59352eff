import type { Account } from '../services.ts';

export interface CommandEnvironmentOptions {
  account: Account;
  path: string;
  /** What the box's image gives to every process, such as the certificate store. */
  base: Readonly<Record<string, string>>;
  /** What the sandbox's creator gave. */
  configured: Readonly<Record<string, string>>;
}

/** Environment that every command, terminal and agent of an account starts with. */
export function commandEnvironment(options: CommandEnvironmentOptions): Record<string, string> {
  const { account, path, base, configured } = options;
  return {
    ...base,
    PATH: path,
    HOME: account.home,
    USER: account.name,
    LOGNAME: account.name,
    SHELL: '/bin/bash',
    ...configured,
  };
}
