import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const serverMain = fileURLToPath(new URL('./fake-internet-main.ts', import.meta.url));
const START_TIMEOUT_MS = 15_000;

/** Answers of the fake name service: the lists are given one after the other, the last one again and again. */
export type Zone = Record<string, string[][]>;

/** What the fake internet was asked, in order. */
export interface Visit {
  kind: 'dns' | 'http' | 'tls' | 'tcp' | 'udp';
  /** Address that was asked. */
  to: string;
  port: number;
  /** Name in the question, Host header or server name. */
  name: string;
}

/** Settings of the process inside the namespace. */
export interface FakeInternetSettings {
  zone: Zone;
  visits: string;
  key: string;
  certificate: string;
}

/**
 * An internet of its own in a network namespace: name service, HTTP, TLS, TCP and UDP on public-looking, private and
 * metadata addresses, routed to over a veth pair. Nothing of it leaves the machine.
 *
 * On every address: port 53 answers DNS (UDP, TCP), 80 and 8080 HTTP, 443 and 8443 TLS, 22 greets like an SSH server,
 * 7 echoes TCP and UDP, 443 echoes UDP. HTTP: `/redirect?to=URL`, `/bytes?n=N`, anything else tells of the request.
 */
export class FakeInternet {
  /** The name service, for `BANATA_DNS`. */
  readonly dns: string;
  /** Public-looking addresses. */
  readonly addresses: { a: string; b: string; c: string };
  readonly ipv6: string;
  /** A private address, which nothing but the operator may open. */
  readonly private: string;
  readonly metadata = '169.254.169.254';
  readonly #id: string;
  readonly #folder: string;
  #server: ChildProcess | undefined;

  private constructor(id: string, folder: string, net: { public: string; private: string; v6: string }) {
    this.#id = id;
    this.#folder = folder;
    this.dns = `${net.public}.53`;
    this.addresses = { a: `${net.public}.10`, b: `${net.public}.11`, c: `${net.public}.12` };
    this.private = `${net.private}.10`;
    this.ipv6 = `${net.v6}::10`;
  }

  /** Makes one. `zone` gets the addresses, which differ from run to run. */
  static async start(zone: (internet: FakeInternet) => Zone): Promise<FakeInternet> {
    const [second, third] = [randomInt(64, 250), randomInt(1, 250)];
    const id = `bnfi${second.toString(16)}${third.toString(16)}`;
    const folder = await mkdtemp(join(tmpdir(), 'banata-internet-'));
    // For whoever tidies up after a run that was killed.
    await writeFile(join(folder, 'network'), id);
    const internet = new FakeInternet(id, folder, {
      public: `11.${second}.${third}`,
      private: `172.31.${third}`,
      v6: `2a11:${second.toString(16)}:${third.toString(16)}`,
    });
    try {
      await internet.#connect();
      await internet.#serve(zone(internet));
      return internet;
    } catch (error) {
      await internet.remove();
      throw error;
    }
  }

  /** Name of its network namespace. */
  get namespace(): string {
    return this.#id;
  }

  /** The certificate of its TLS servers, PEM. Good for `*.example`. */
  async certificate(): Promise<string> {
    return readFile(join(this.#folder, 'certificate.pem'), 'utf8');
  }

  async visits(): Promise<Visit[]> {
    const text = await readFile(join(this.#folder, 'visits'), 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Visit);
  }

  async #connect(): Promise<void> {
    const id = this.#id;
    const gateway = this.dns.replace(/\.53$/, '.1');
    const outside = [
      `netns add ${id}`,
      `link add ${id} type veth peer name eth0 netns ${id}`,
      `addr add ${gateway}/24 dev ${id}`,
      `link set ${id} up`,
      `route add ${this.private}/32 via ${this.dns}`,
      // A metric of its own, so that several fixtures do not get into each other's way.
      `route add ${this.metadata}/32 via ${this.dns} metric ${randomInt(100, 30_000)}`,
      `-6 addr add ${this.ipv6.replace(/::10$/, '::1')}/64 dev ${id} nodad`,
    ];
    for (const command of outside) await run('ip', command.split(' '));
    const own = [this.dns, ...Object.values(this.addresses)].map((address) => `${address}/24`);
    const inside = [
      'link set lo up',
      'link set eth0 up',
      ...[...own, `${this.private}/32`, `${this.metadata}/32`].map(
        (address) => `addr add ${address} dev eth0`,
      ),
      `-6 addr add ${this.ipv6}/64 dev eth0 nodad`,
      `route add default via ${gateway}`,
    ];
    for (const command of inside) await run('ip', ['-n', id, ...command.split(' ')]);
  }

  async #serve(zone: Zone): Promise<void> {
    const key = join(this.#folder, 'key.pem');
    const certificate = join(this.#folder, 'certificate.pem');
    const subject = [
      '-subj',
      '/CN=fake internet',
      '-addext',
      'subjectAltName=DNS:*.example,DNS:*.shared.example',
    ];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    await run('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, ...subject]);
    const visits = join(this.#folder, 'visits');
    await writeFile(visits, '');
    const settings: FakeInternetSettings = { zone, visits, key, certificate };
    const file = join(this.#folder, 'settings.json');
    await writeFile(file, JSON.stringify(settings));
    this.#server = spawn('ip', ['netns', 'exec', this.#id, process.execPath, serverMain, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const timer = setTimeout(() => this.#server?.kill('SIGKILL'), START_TIMEOUT_MS);
    const stdout = this.#server.stdout;
    if (!stdout) throw new Error('the fake internet has no output');
    const started = await Promise.race([
      once(stdout, 'data').then(() => true),
      once(this.#server, 'exit').then(() => false),
    ]);
    clearTimeout(timer);
    if (!started) throw new Error('the fake internet did not start');
  }

  /** Takes it off the machine. */
  async remove(): Promise<void> {
    if (this.#server && this.#server.exitCode === null && this.#server.signalCode === null) {
      this.#server.kill('SIGKILL');
      await once(this.#server, 'exit');
    }
    // The link and the routes over it go with the namespace; what was never made cannot be removed.
    await run('ip', ['link', 'delete', this.#id]).catch(() => undefined);
    await run('ip', ['netns', 'delete', this.#id]).catch(() => undefined);
    await rm(this.#folder, { recursive: true, force: true });
  }
}
