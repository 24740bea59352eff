import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { BoxError } from '../../http/route.ts';
import type { BoxEnvironment } from '../../services.ts';
import type { CdpBroker } from '../cdp-broker.ts';
import { runProgram } from '../run-program.ts';

const SAVE_TIMEOUT_MS = 60_000;
const LOAD_TIMEOUT_MS = 120_000;
const COOKIES_TIMEOUT_MS = 10_000;
const MAX_COOKIES_TEXT = 16 * 1024 * 1024;

/** Folders and files that Chromium makes anew, and those that belong to one run of it. */
const LEFT_OUT = [
  'Singleton*',
  'Cache',
  'Code Cache',
  '*GPUCache',
  'Dawn*Cache',
  'Graphite*Cache',
  '*ShaderCache',
  'component_crx_cache',
  'Crash Reports',
  'Crashpad',
  'BrowserMetrics*',
  'DeferredBrowserMetrics',
  'Safe Browsing*',
  'optimization_guide*',
  'Sessions',
];

/** What a cookie has in `Storage.getCookies` and takes in `Storage.setCookies` too. */
const cookieSchema = z.object({
  name: z.string(),
  value: z.string(),
  domain: z.string(),
  path: z.string(),
  /** Seconds since the epoch; -1 for a cookie that ends with the browser. */
  expires: z.number().optional(),
  httpOnly: z.boolean().optional(),
  secure: z.boolean().optional(),
  sameSite: z.string().optional(),
  priority: z.string().optional(),
  sourceScheme: z.string().optional(),
  sourcePort: z.number().optional(),
  partitionKey: z.unknown().optional(),
});
const cookiesSchema = z.array(cookieSchema);
export type KeptCookies = z.infer<typeof cookiesSchema>;

/**
 * Packs and unpacks the profile of Chromium, always under the desktop's account: the daemon is root and must not follow
 * links in a folder that the desktop can write. Cookies are kept beside it as well: those of a login often end with the
 * browser, and what was set in the last half minute is not in Chromium's files yet.
 */
export class ProfileKeeper {
  readonly #environment: BoxEnvironment;
  readonly #profileDir: string;
  readonly #env: Record<string, string>;

  constructor(environment: BoxEnvironment) {
    const { home } = environment.accounts.desktop;
    this.#environment = environment;
    this.#profileDir = join(home, 'profile');
    this.#env = { BANATA_SERVICE: 'profile', PATH: '/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8' };
  }

  /** Replaces the profile by an archive. @throws BoxError 422 when it is none. */
  async load(archive: Readable): Promise<void> {
    const account = this.#environment.accounts.desktop;
    const script = `umask 0077; rm -rf "$1"; mkdir "$1" && exec tar -I zstd --no-same-owner -xf - -C "$1"`;
    const child = spawn('/bin/sh', ['-c', script, 'sh', this.#profileDir], {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
      env: this.#env,
      stdio: ['pipe', 'ignore', 'ignore'],
      timeout: LOAD_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    const ended = new Promise<number | string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    const sent = await pipeline(archive, child.stdin).then(
      () => true,
      () => false,
    );
    const how = await ended;
    if (how === 0 && sent) return;
    throw new BoxError(422, 'PROFILE_BROKEN', `The profile could not be unpacked: tar ended with ${how}.`);
  }

  /** All cookies, those that end with the browser too; null where the browser cannot tell. */
  async readCookies(broker: CdpBroker | undefined): Promise<KeptCookies | null> {
    const reply = await broker
      ?.call('Storage.getCookies', {}, { timeoutMs: COOKIES_TIMEOUT_MS })
      .catch(() => undefined);
    return z.object({ cookies: cookiesSchema }).safeParse(reply).data?.cookies ?? null;
  }

  /** Gives the browser the cookies that came with its profile; once, since they are older from then on. */
  async restoreCookies(broker: CdpBroker): Promise<void> {
    const script = `[ -e "$1" ] || exit 0; cat "$1" && rm -f "$1"`;
    const text = await this.#run(['/bin/sh', '-c', script, 'sh', this.#cookiesPath], {
      maxOutput: MAX_COOKIES_TEXT,
      timeoutMs: COOKIES_TIMEOUT_MS,
    });
    if (text === '') return;
    const now = Date.now() / 1000;
    const cookies = cookiesSchema
      .parse(JSON.parse(text))
      .map(({ expires, ...cookie }) =>
        expires === undefined || expires < 0 ? cookie : { ...cookie, expires },
      )
      .filter((cookie) => !('expires' in cookie) || cookie.expires > now);
    await broker.call('Storage.setCookies', { cookies }, { timeoutMs: COOKIES_TIMEOUT_MS });
  }

  /** Packs the profile into a file of the daemon's, which the caller removes. */
  async save(cookies: KeptCookies | null): Promise<{ path: string; size: number }> {
    const folder = join(this.#environment.stateDir, 'profile');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${randomUUID()}.tar.zst`);
    await using file = await open(path, 'wx', 0o600);
    const script = `umask 0077; [ "$2" = none ] || cat > "$3" || exit 1; dir=$1; shift 3; exec tar -C "$dir" "$@" .`;
    const excluded = LEFT_OUT.map((pattern) => `--exclude=${pattern}`);
    const tar = ['-I', 'zstd -q -3', '-cf', '-', ...excluded];
    const input = cookies === null ? 'none' : 'cookies';
    await this.#run(['/bin/sh', '-c', script, 'sh', this.#profileDir, input, this.#cookiesPath, ...tar], {
      input: JSON.stringify(cookies),
      outputTo: file.fd,
      timeoutMs: SAVE_TIMEOUT_MS,
    });
    return { path, size: (await file.stat()).size };
  }

  get #cookiesPath(): string {
    return join(this.#profileDir, 'banata-cookies.json');
  }

  #run(
    command: [string, ...string[]],
    options: { timeoutMs: number; input?: string; maxOutput?: number; outputTo?: number },
  ): Promise<string> {
    const account = this.#environment.accounts.desktop;
    return runProgram(command, { account, env: this.#env, ...options });
  }
}
