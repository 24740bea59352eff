import { boxBootSchema, type BoxBoot } from '@banata/protocol/box';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAccounts } from './accounts.ts';
import type { BoxEnvironment } from './services.ts';

const BOOT_FILE = '/run/banata/boxd.json';
const INSTALL_DIR = '/opt/banata';
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Lets programs that bring their own certificate store use the image's, which holds the operator's certificates. */
const COMMAND_DEFAULTS = {
  LANG: 'C.UTF-8',
  NODE_USE_SYSTEM_CA: '1',
  REQUESTS_CA_BUNDLE: CERTIFICATES,
  SSL_CERT_FILE: CERTIFICATES,
};

/** Variables of the container that commands inherit; the rest of the daemon's environment is its own. */
const INHERITED = [
  ...Object.keys(COMMAND_DEFAULTS),
  'TZ',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_DIR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
];

/** Programs of the daemon's own that commands are run through. */
export interface WorkPrograms {
  /** Path of `banata-supervise`. */
  supervisor: string;
  /** Command lines of the interpreters that contexts keep. */
  kernels: Record<'node' | 'python', readonly [string, ...string[]]>;
  /** Command line of the program that converts documents. */
  documents: readonly [string, ...string[]];
}

/** All the daemon is given at its start. */
export interface BoxdConfig {
  boot: BoxBoot;
  environment: BoxEnvironment;
  /** Variables of the image that every command starts with. */
  commandBase: Record<string, string>;
  /** Script of the file worker. */
  filesWorkerScript: string;
  programs: WorkPrograms;
}

/** Reads the boot file, the accounts and the container's environment. Throws when one is not as expected. */
export function loadConfig(env: NodeJS.ProcessEnv): BoxdConfig {
  const accounts = readAccounts('/etc/passwd');
  const { home } = accounts.user;
  const inherited = Object.fromEntries(INHERITED.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
  return {
    boot: boxBootSchema.parse(JSON.parse(readFileSync(BOOT_FILE, 'utf8'))),
    environment: {
      accounts,
      stateDir: '/var/lib/banata',
      runDir: '/run/boxd',
      installDir: INSTALL_DIR,
      workspace: '/workspace',
      path: [`${home}/.local/bin`, `${home}/.bun/bin`, `${home}/go/bin`, SYSTEM_PATH].join(':'),
    },
    commandBase: { ...COMMAND_DEFAULTS, ...inherited },
    filesWorkerScript: join(INSTALL_DIR, 'lib/files-worker.cjs'),
    programs: {
      supervisor: join(INSTALL_DIR, 'bin/banata-supervise'),
      kernels: {
        // The real program: in the runtime "bun" other things may stand first in PATH.
        node: [
          '/usr/local/bin/node',
          '--disable-warning=ExperimentalWarning',
          join(INSTALL_DIR, 'lib/node-kernel.cjs'),
        ],
        python: ['/usr/bin/python3', join(INSTALL_DIR, 'bin/banata-python-kernel')],
      },
      documents: [join(INSTALL_DIR, 'bin/banata-convert'), '--serve'],
    },
  };
}
