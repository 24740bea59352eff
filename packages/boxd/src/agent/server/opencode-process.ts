import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { preferForOom, SERVICE_SCORE } from '../../limits/oom-score.ts';
import type { Account } from '../../services.ts';

const START_TIMEOUT_MS = 60_000;
const KEPT_OUTPUT = 8 * 1024;
const LISTENING = /opencode server listening on (http:\/\/127\.0\.0\.1:\d+)\s/;

/** A started OpenCode server. */
export interface OpenCodeProcess {
  pid: number;
  baseUrl: string;
  /** Resolves when the process is gone, with a sentence that says how it ended. */
  ended: Promise<string>;
}

export interface SpawnOpenCodeOptions {
  program: string;
  account: Account;
  cwd: string;
  env: Record<string, string>;
}

/** Keeps the last lines, for the reason of a failure. */
class OutputTail {
  #text = '';

  add(chunk: string): string {
    this.#text = (this.#text + chunk).slice(-KEPT_OUTPUT);
    return this.#text;
  }

  lastLines(): string {
    return this.#text.trim().split('\n').slice(-5).join(' | ').slice(-1000);
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null, tail: OutputTail): string {
  const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
  const last = tail.lastLines();
  return `the agent server ${how}${last === '' ? '' : `; it last said: ${last}`}`;
}

/**
 * Starts `opencode serve` on a free loopback port and waits for its "listening" line: a request that comes before
 * that line is never answered. Rejects when the server ends or says nothing for 60 s; the process is gone then.
 */
export async function spawnOpenCode(options: SpawnOpenCodeOptions): Promise<OpenCodeProcess> {
  const { program, account, cwd, env } = options;
  const port = await freePort();
  const child = spawn(program, ['serve', '--hostname', '127.0.0.1', '--port', String(port)], {
    cwd,
    env,
    uid: account.uid,
    gid: account.gid,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  preferForOom(child.pid, SERVICE_SCORE);
  const tail = new OutputTail();
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`the agent server could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(describeEnd(code, signal, tail)));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => void tail.add(text));
  const baseUrl = await whenListening(child, tail, ended);
  return { pid: child.pid ?? 0, baseUrl, ended };
}

/**
 * A loopback port that nobody has. OpenCode would choose by itself, but prefers 4096, which a program of the user may
 * want. Should another program take the port first, the start fails and the next one takes another.
 */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

async function whenListening(child: ChildProcess, tail: OutputTail, ended: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const listening = new Promise<string>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const match = LISTENING.exec(tail.add(text));
      if (match?.[1] !== undefined) resolve(match[1]);
    });
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the agent server did not listen within ${START_TIMEOUT_MS / 1000} s`));
    }, START_TIMEOUT_MS);
  });
  const failed = ended.then((reason) => Promise.reject(new Error(reason)));
  try {
    return await Promise.race([listening, failed]);
  } finally {
    clearTimeout(timer);
    // The loser of the race may still reject.
    failed.catch(() => undefined);
    listening.catch(() => undefined);
  }
}
